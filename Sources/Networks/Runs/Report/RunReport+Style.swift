extension RunReport {
    /// The page's looks, in light and dark.
    static let style = """
        :root {
          color-scheme: light dark;
          --ink: #1d2230; --soft: #667085; --line: #e4e7ec; --paper: #ffffff; --panel: #f8f9fb;
          --f0: #2f6fdb; --f1: #c2571a;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --ink: #e6e9f0; --soft: #97a0b3; --line: #2b3140; --paper: #12151c; --panel: #191d27;
            --f0: #6aa2ff; --f1: #f0925a;
          }
        }
        body { margin: 0; background: var(--paper); color: var(--ink);
          font: 15px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; }
        main { max-width: 1180px; margin: 0 auto; padding: 32px 20px 48px; }
        h1 { font-size: 26px; margin: 0; letter-spacing: -0.01em; }
        h2 { font-size: 19px; margin: 32px 0 12px; }
        .muted { color: var(--soft); }
        .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(340px, 1fr));
          gap: 16px; }
        .samples { display: flex; flex-wrap: wrap; gap: 16px; align-items: flex-start; }
        figure { margin: 0; background: var(--panel); border: 1px solid var(--line);
          border-radius: 10px; padding: 12px; max-width: 100%; box-sizing: border-box; }
        figcaption { font-size: 13px; margin-bottom: 6px; color: var(--soft); }
        figcaption b { color: var(--ink); margin-right: 10px; }
        figcaption i { display: inline-block; width: 10px; height: 10px; border-radius: 50%;
          margin: 0 4px 0 8px; background: currentColor; }
        img { max-width: 100%; image-rendering: pixelated; display: block; }
        pre { background: var(--panel); border: 1px solid var(--line); border-radius: 8px;
          padding: 10px 14px; overflow-x: auto; font-size: 13px; white-space: pre-wrap; margin: 0; }
        figure pre { border: 0; padding: 0; max-width: 70ch; }
        svg { width: 100%; height: auto; display: block; }
        svg text { font: 11px system-ui, sans-serif; fill: var(--soft); }
        svg .middle { text-anchor: middle; } svg .end { text-anchor: end; }
        svg .grid { stroke: var(--line); }
        svg polyline { fill: none; stroke: currentColor; stroke-width: 1.6; }
        svg circle { fill: currentColor; }
        .f0 { color: var(--f0); } .f1 { color: var(--f1); }
        """
}

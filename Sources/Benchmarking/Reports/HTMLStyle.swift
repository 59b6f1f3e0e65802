extension HTMLReport {
    /// The page's looks, in light and dark.
    static let style = """
        :root {
          color-scheme: light dark;
          --ink: #1d2230; --soft: #667085; --line: #e4e7ec; --paper: #ffffff; --panel: #f8f9fb;
          --f0: #2f6fdb; --f1: #c2571a; --f2: #1a8f6b; --f3: #9a3fb5; --f4: #b58a00; --f5: #c23b5a;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --ink: #e6e9f0; --soft: #97a0b3; --line: #2b3140; --paper: #12151c; --panel: #191d27;
            --f0: #6aa2ff; --f1: #f0925a; --f2: #4fcba3; --f3: #cf86e6; --f4: #e0bd4a; --f5: #f07a95;
          }
        }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--paper); color: var(--ink);
          font: 15px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; }
        main { max-width: 1100px; margin: 0 auto; padding: 32px 20px 48px; }
        h1 { font-size: 26px; margin: 0; letter-spacing: -0.01em; }
        h2 { font-size: 19px; margin: 40px 0 12px; }
        h2 .muted { font-weight: 400; }
        .muted { color: var(--soft); }
        .note { color: var(--f1); }
        pre { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 10px 14px;
          overflow-x: auto; font-size: 13px; }
        dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 0 0 16px; font-size: 14px; }
        dt { color: var(--soft); } dd { margin: 0; }
        figure { margin: 0 0 20px; background: var(--panel); border: 1px solid var(--line); border-radius: 10px;
          padding: 14px; }
        figcaption { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 13px; margin-bottom: 6px; }
        figcaption i { display: inline-block; width: 10px; height: 10px; border-radius: 50%; margin-right: 6px;
          background: currentColor; }
        svg { width: 100%; height: auto; display: block; }
        svg text { font: 12px system-ui, sans-serif; fill: var(--soft); }
        svg .label { fill: var(--ink); }
        svg .middle { text-anchor: middle; } svg .end { text-anchor: end; }
        svg .grid { stroke: var(--line); stroke-width: 1; }
        svg .roof { stroke: var(--ink); stroke-width: 1.6; }
        svg .roof.f32, svg .roof.bf16 { stroke-width: 1.6; }
        svg .point { fill: currentColor; stroke: currentColor; stroke-width: 1.8; fill-opacity: 0.75; }
        svg .point.hollow { fill: var(--panel); }
        svg .point:hover { stroke-width: 4; }
        .f0 { color: var(--f0); } .f1 { color: var(--f1); } .f2 { color: var(--f2); }
        .f3 { color: var(--f3); } .f4 { color: var(--f4); } .f5 { color: var(--f5); }
        table { width: 100%; border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
        th { text-align: left; font-weight: 600; color: var(--soft); border-bottom: 1px solid var(--line);
          padding: 6px 8px; }
        td { border-bottom: 1px solid var(--line); padding: 5px 8px; vertical-align: middle; }
        .right { text-align: right; white-space: nowrap; }
        .peak { width: 220px; white-space: nowrap; }
        .bar { display: inline-block; width: 150px; height: 9px; background: var(--line); border-radius: 5px;
          overflow: hidden; margin-right: 8px; }
        .bar b { display: block; height: 100%; background: var(--f0); border-radius: 5px; }
        footer { margin-top: 32px; font-size: 13px; }
        @media (max-width: 720px) { .peak { width: auto; } .bar { width: 70px; } td, th { padding: 5px 4px; } }
        """
}

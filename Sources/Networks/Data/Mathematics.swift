import Glibc

func logarithm(_ x: Float) -> Float { logf(x) }
func cosine(_ x: Float) -> Float { cosf(x) }
func sine(_ x: Float) -> Float { sinf(x) }

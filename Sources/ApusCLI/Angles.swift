import Glibc

func cosine(_ x: Double) -> Float { Float(cos(x)) }
func sine(_ x: Double) -> Float { Float(sin(x)) }

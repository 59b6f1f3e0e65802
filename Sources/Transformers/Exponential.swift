import Glibc

func exponential(_ x: Float) -> Float { expf(x) }

"""C sources that want more than to be compiled."""

INCLUDED_FILE = b'#include "/etc/passwd"\n'
INCLUDED_BYTES = b'__asm__(".incbin \\"/etc/passwd\\"");\n'
INCLUDED_ENVIRONMENT = b'#include "/proc/self/environ"\n'
MANY_ERRORS = b"int f( {\n" * 2000
MACRO_BOMB = (
    b"#define A(...) __VA_ARGS__ __VA_ARGS__ __VA_ARGS__ __VA_ARGS__ __VA_ARGS__ __VA_ARGS__ __VA_ARGS__ __VA_ARGS__\n"
    b"#define B(...) A(A(A(A(__VA_ARGS__))))\n"
    b"#define C(...) B(B(B(__VA_ARGS__)))\n"
    b"int a[] = { C(C(1,)) };\n"
)
ENDLESS_MACRO = (
    b"#define A0\n"
    + b"".join(b"#define A%d " % level + b"A%d " % (level - 1) * 16 + b"\n" for level in range(1, 12))
    + b"A11\n"
)
"""Nothing, 16 to the eleventh times: it takes time and no memory."""
HUGE_OUTPUT = b"char a[3000000000ULL] = {1};\n"
LOADED_CODE = b'#include <stdlib.h>\n__attribute__((constructor)) static void begin(void) { system("touch canary"); }\n'
HONEST = b"int f(void) { return 1; }\n"

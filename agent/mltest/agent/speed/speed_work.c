/* The work of a speed check: three parts, each with nothing to wait for but one kind of thing. It never changes: figures
   of different days are compared. Integers and powers of two only, so that every machine gets the same answers. */

#define _POSIX_C_SOURCE 199309L
#include <stdint.h>
#include <time.h>

enum { PART_INTEGER, PART_FLOAT, PART_MEMORY };
enum { INTEGER_STEPS = 120000, FLOAT_STEPS = 60000, MEMORY_STEPS = 80000, TABLE_LENGTH = 1 << 17 };

/* 512 KiB: more than the first cache holds. With 4 MiB the time depended on which pages a process had got: the same work
   took 0.7 to 1.5 ms in processes one after the other. */
static uint32_t table[TABLE_LENGTH];

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* One single cycle through the whole table: x -> (a x + c) mod 2^n. Source: Hull & Dobell 1962, theorem 1. */
void mltest_speed_prepare(void) {
    uint32_t index;
    for (index = 0; index < TABLE_LENGTH; index++)
        table[index] = (1664525u * index + 1013904223u) % TABLE_LENGTH;
}

/* Shifts, sums and a branch that follows no pattern. Source of the generator: Marsaglia 2003, xorshift32. */
static uint64_t integers(void) {
    uint32_t state = 2463534242u, step;
    uint64_t sum = 0;
    for (step = 0; step < INTEGER_STEPS; step++) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        if (state & 8)
            sum += state;
        else
            sum ^= state;
    }
    return sum;
}

/* Four chains of multiplications and additions whose results are exact. */
static uint64_t floats(void) {
    volatile double half = 0.5, one = 1.0; /* So that a compiler does not know the answer. */
    double factor = half, term = one, a = 1, b = 2, c = 3, d = 4;
    uint32_t step;
    for (step = 0; step < FLOAT_STEPS; step++) {
        a = a * factor + term;
        b = b * factor + term;
        c = c * factor + term;
        d = d * factor + term;
    }
    return (uint64_t)(a + b + c + d);
}

/* Each load needs the one before. */
static uint64_t memory(void) {
    uint32_t place = 0, step;
    for (step = 0; step < MEMORY_STEPS; step++)
        place = table[place];
    return place;
}

/* Does one part and returns its time in ns; its answer goes to `answer`. */
uint64_t mltest_speed_part(int part, uint64_t *answer) {
    uint64_t begin_ns = now_ns();
    *answer = part == PART_INTEGER ? integers() : part == PART_FLOAT ? floats() : memory();
    return now_ns() - begin_ns;
}

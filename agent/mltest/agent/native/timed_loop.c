/* Times calls of a runtime with nothing between them: no interpreter, no allocation, no input or output. */

#define _POSIX_C_SOURCE 199309L
#include <time.h>

#include "native_calls.h"

/* What is called, and with which batch it goes on; the batches are gone through in a circle. */
struct mltest_walk {
    mltest_call call;
    void *context;
    uint64_t batch_count;
    uint64_t position;
};

/* One slice: what is asked, and behind it what was found. Times are CLOCK_MONOTONIC in ns. */
struct mltest_slice {
    uint64_t settle_calls; /* Untimed calls before it, until either of the two is reached; at least one. */
    uint64_t settle_ns;
    uint64_t slice_ns;
    uint64_t max_values;      /* At most; at least one is taken. */
    uint64_t min_values;      /* At least, although the time may be over. */
    uint64_t calls_per_value; /* Calls that are timed together. */
    uint64_t calls_between;   /* Untimed calls behind each value. */
    uint64_t started_ns;
    uint64_t ended_ns; /* End of the last timed call. */
    uint64_t value_count;
};

static inline uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline int call_next(struct mltest_walk *walk) {
    uint64_t position = walk->position;
    walk->position = position + 1 == walk->batch_count ? 0 : position + 1;
    return walk->call(walk->context, (size_t)position);
}

static int settle(struct mltest_walk *walk, const struct mltest_slice *slice) {
    uint64_t deadline_ns = now_ns() + slice->settle_ns, calls = 0;
    int failed;
    do {
        failed = call_next(walk);
        calls += 1;
    } while (!failed && calls < slice->settle_calls && now_ns() < deadline_ns);
    return failed;
}

/* Fills `values_ns` (max_values) with the times of one slice; returns what the first failing call returned, else 0. */
int mltest_time_slice(struct mltest_walk *walk, struct mltest_slice *slice, uint64_t *values_ns) {
    uint64_t begin_ns, end_ns, deadline_ns, calls, count = 0;
    int failed = settle(walk, slice);
    slice->started_ns = end_ns = now_ns();
    deadline_ns = slice->started_ns + slice->slice_ns;
    while (!failed) {
        begin_ns = now_ns();
        for (calls = slice->calls_per_value; calls && !failed; calls--)
            failed = call_next(walk);
        end_ns = now_ns();
        values_ns[count++] = end_ns - begin_ns;
        if (count >= slice->max_values || (count >= slice->min_values && end_ns >= deadline_ns))
            break;
        for (calls = slice->calls_between; calls && !failed; calls--)
            failed = call_next(walk);
    }
    slice->ended_ns = end_ns;
    slice->value_count = count;
    return failed;
}

/* A call that does nothing: what the loop itself costs. */
int mltest_null_call(void *context, size_t batch_index) {
    (void)context;
    (void)batch_index;
    return 0;
}

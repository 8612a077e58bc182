/* One call of a runtime, as the timed loop makes it: returns 0, or anything else if the call failed.
 * `context` belongs to the runtime; `batch_index` counts from 0. */
#ifndef MLTEST_NATIVE_CALLS_H
#define MLTEST_NATIVE_CALLS_H

#include <stddef.h>
#include <stdint.h>

typedef int (*mltest_call)(void *context, size_t batch_index);

#endif

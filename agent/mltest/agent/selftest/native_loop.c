/* Times calls of treelite's C interface in a program of its own: what a user who writes C would measure.
 *
 * Independent of the agent's own loop on purpose. Arguments: libtreelite.so, model, rows (raw), type of the rows, bytes
 * of a row, rows, rows of a call, bytes of an answer. Then, for each line with a number of ns on standard input, it calls
 * for so long and prints median and mean of a call in ns. Declarations follow treelite/c_api.h. */

#define _POSIX_C_SOURCE 200809L
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MOST_CALLS 1000000
#define UNTIMED_CALLS 20

typedef int (*load_model)(const char *path, void **model);
typedef int (*parse_config)(const char *json, void **config);
typedef int (*predict_rows)(void *model, const void *rows, const char *type, uint64_t row_count, void *output,
                            void *config);

static double ns_between(struct timespec from, struct timespec to) {
    return (double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec);
}

static int ascending(const void *one, const void *other) {
    double difference = *(const double *)one - *(const double *)other;
    return (difference > 0) - (difference < 0);
}

static void *read_file(const char *path, size_t bytes) {
    void *content = malloc(bytes);
    FILE *stream = fopen(path, "rb");
    if (!content || !stream || fread(content, 1, bytes, stream) != bytes)
        exit(2);
    fclose(stream);
    return content;
}

int main(int count, char **arguments) {
    if (count != 9)
        return 2;
    void *library = dlopen(arguments[1], RTLD_NOW);
    if (!library)
        return 3;
    load_model load = (load_model)dlsym(library, "TreeliteDeserializeModelFromFile");
    parse_config parse = (parse_config)dlsym(library, "TreeliteGTILParseConfig");
    predict_rows predict = (predict_rows)dlsym(library, "TreeliteGTILPredict");
    void *model, *config;
    if (!load || !parse || !predict || load(arguments[2], &model) ||
        parse("{\"predict_type\": \"default\", \"nthread\": 1}", &config))
        return 4;
    const char *type = arguments[4];
    size_t row_bytes = (size_t)atol(arguments[5]), rows = (size_t)atol(arguments[6]);
    size_t batch = (size_t)atol(arguments[7]), next = 0, batches = rows / batch;
    char *content = read_file(arguments[3], row_bytes * rows);
    void *output = malloc((size_t)atol(arguments[8]));
    double *times = malloc(MOST_CALLS * sizeof *times), slice_ns;
    while (scanf("%lf", &slice_ns) == 1) {
        struct timespec begin, before, after;
        size_t calls = 0;
        double sum = 0;
        for (int index = 0; index < UNTIMED_CALLS; index++)
            predict(model, content + (next++ % batches) * batch * row_bytes, type, batch, output, config);
        clock_gettime(CLOCK_MONOTONIC, &begin);
        do {
            const void *here = content + (next++ % batches) * batch * row_bytes;
            clock_gettime(CLOCK_MONOTONIC, &before);
            if (predict(model, here, type, batch, output, config))
                return 5;
            clock_gettime(CLOCK_MONOTONIC, &after);
            times[calls] = ns_between(before, after);
            sum += times[calls++];
        } while (calls < MOST_CALLS && ns_between(begin, after) < slice_ns);
        qsort(times, calls, sizeof *times, ascending);
        printf("%.1f %.1f\n", times[calls / 2], sum / (double)calls);
        fflush(stdout);
    }
    return 0;
}

/* Answers the rows of a file with `mltest_predict`: each alone, then all together, which has to be the same. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const uint32_t mltest_abi, mltest_feature_count, mltest_output_count;
extern const char mltest_input_type[];
void mltest_predict(const void *rows, size_t row_count, double *out);

int main(int count, char **arguments) {
    FILE *input = fopen(arguments[1], "rb"), *output = count == 3 ? fopen(arguments[2], "wb") : NULL;
    size_t width = mltest_feature_count * (strcmp(mltest_input_type, "float32") ? 8u : 4u);
    if (!input || !output || mltest_abi != 1 || fseek(input, 0, SEEK_END))
        return 1;
    size_t row_count = (size_t)ftell(input) / width, outputs = mltest_output_count;
    rewind(input);
    /* Exactly as large as they have to be, so that a sanitizer sees a step beyond. */
    char *rows = malloc(row_count * width);
    double *alone = malloc(row_count * outputs * sizeof *alone), *together = malloc(row_count * outputs * sizeof *alone);
    if (!rows || !alone || !together || fread(rows, width, row_count, input) != row_count)
        return 2;
    for (size_t row = 0; row < row_count; row++)
        mltest_predict(rows + row * width, 1, alone + row * outputs);
    mltest_predict(rows, row_count, together);
    if (memcmp(alone, together, row_count * outputs * sizeof *alone))
        return 3;
    fwrite(together, sizeof *together, row_count * outputs, output);
    free(rows), free(alone), free(together);
    return fclose(output);
}

/* A layer's weights. A number is a scale times (an integer minus the zero point); of a kernel that point is 0, and every
   output has a scale of its own. What is summed up becomes an output by multiplier / 2^shift. */
typedef struct {
    const int8_t *kernel;
    const int32_t *bias, *multiplier;
    const uint8_t *shift;
    int32_t zero, out_zero; /* the zero points of what it is given, and of what it makes */
} NAME_weights;

/* Bytes from 0 to 255, by which 255 is white, become integers with the zero point -128. */
static inline void NAME_pixels_of_bytes(const uint8_t *in, int8_t *out, int32_t count) {
    for (int32_t i = 0; i < count; i++) out[i] = (int8_t)((int32_t)in[i] - 128);
}

/* Numbers from 0 to 1 become the same; what is beyond is taken for 0 or 1. */
static inline void NAME_pixels(const float *in, int8_t *out, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        const float value = in[i] > 0.0f ? in[i] < 1.0f ? in[i] * 255.0f : 255.0f : 0.0f;
        out[i] = (int8_t)((int32_t)(value + 0.5f) - 128);
    }
}

/* The nearest integer to value / divisor, halves away from 0, plus a zero point, and no further than int8 goes. */
static inline int8_t NAME_rounded(int64_t value, int64_t divisor, int32_t zero) {
    const int64_t half = divisor / 2;
    const int64_t integer = zero + (value < 0 ? -((half - value) / divisor) : (value + half) / divisor);
    return (int8_t)(integer < -128 ? -128 : integer > 127 ? 127 : integer);
}

/* The same for a divisor of 2^shift, which takes no division. */
static inline int8_t NAME_shifted(int64_t value, int32_t shift, int32_t zero) {
    const int64_t half = (int64_t)1 << (shift - 1);
    const int64_t integer = zero + (value < 0 ? -((half - value) >> shift) : (value + half) >> shift);
    return (int8_t)(integer < -128 ? -128 : integer > 127 ? 127 : integer);
}

/* The sum of `count` products; the zero point of the first factor is taken off. */
static inline int32_t NAME_dot(const int8_t *a, const int8_t *b, int32_t count, int32_t zero) {
    int32_t sum = 0;
    for (int32_t i = 0; i < count; i++) sum += (a[i] - zero) * b[i];
    return sum;
}

/* Each filter's kernel at every position; a row of it is one sum of products. kernel: (filters, rows, columns, channels). */
static inline void NAME_convolution(const int8_t *in, int8_t *out, const NAME_window *at, const NAME_weights *of) {
    const int32_t line = at->kernel_width * at->channels;
    for (int32_t y = 0; y < at->out_height; y++) {
        for (int32_t x = 0; x < at->out_width; x++) {
            const NAME_section s = NAME_cut(at, y, x);
            const int32_t run = (s.right - s.left) * at->channels;
            for (int32_t f = 0; f < at->out_channels; f++) {
                const int8_t *own = of->kernel + f * at->kernel_height * line;
                int32_t sum = of->bias[f];
                for (int32_t i = s.top; i < s.bottom && run > 0; i++)
                    sum += NAME_dot(in + NAME_at(at, s.row + i, s.column + s.left),
                        own + i * line + s.left * at->channels, run, of->zero);
                *out++ = NAME_shifted((int64_t)sum * of->multiplier[f], of->shift[f], of->out_zero);
            }
        }
    }
}

/* Each channel's own kernel at every position. kernel: (rows, columns, channels). */
static inline void NAME_depthwise(const int8_t *in, int8_t *out, const NAME_window *at, const NAME_weights *of) {
    for (int32_t y = 0; y < at->out_height; y++) {
        for (int32_t x = 0; x < at->out_width; x++) {
            const NAME_section s = NAME_cut(at, y, x);
            for (int32_t c = 0; c < at->channels; c++) {
                int32_t sum = of->bias[c];
                for (int32_t i = s.top; i < s.bottom; i++)
                    for (int32_t j = s.left; j < s.right; j++)
                        sum += (in[NAME_at(at, s.row + i, s.column + j) + c] - of->zero) *
                        of->kernel[(i * at->kernel_width + j) * at->channels + c];
                *out++ = NAME_shifted((int64_t)sum * of->multiplier[c], of->shift[c], of->out_zero);
            }
        }
    }
}

/* Every unit looks at every input. kernel: (units, inputs). */
static inline void NAME_dense(const int8_t *in, int8_t *out, int32_t inputs, int32_t units, const NAME_weights *of) {
    for (int32_t u = 0; u < units; u++) {
        const int32_t sum = of->bias[u] + NAME_dot(in, of->kernel + u * inputs, inputs, of->zero);
        out[u] = NAME_shifted((int64_t)sum * of->multiplier[u], of->shift[u], of->out_zero);
    }
}

/* The same, as the last layer: its sums become numbers, by a scale for each unit. */
static inline void NAME_dense_numbers(const int8_t *in, float *out, int32_t inputs, int32_t units, int32_t zero,
        const int8_t *kernel, const int32_t *bias, const float *scale) {
    for (int32_t u = 0; u < units; u++)
        out[u] = (float)(bias[u] + NAME_dot(in, kernel + u * inputs, inputs, zero)) * scale[u];
}

/* The largest of each window, channel by channel. */
static inline void NAME_max_pooling(const int8_t *in, int8_t *out, const NAME_window *at) {
    for (int32_t y = 0; y < at->out_height; y++) {
        for (int32_t x = 0; x < at->out_width; x++) {
            const NAME_section s = NAME_cut(at, y, x);
            for (int32_t c = 0; c < at->channels; c++) {
                int8_t best = -128;
                for (int32_t i = s.top; i < s.bottom; i++)
                    for (int32_t j = s.left; j < s.right; j++) {
                        const int8_t value = in[NAME_at(at, s.row + i, s.column + j) + c];
                        best = value > best ? value : best;
                    }
                *out++ = best;
            }
        }
    }
}

/* The mean of each window, channel by channel; what lies beside the image does not count. */
static inline void NAME_average_pooling(const int8_t *in, int8_t *out, const NAME_window *at, int32_t zero,
        int32_t out_zero, int32_t multiplier, int32_t shift) {
    for (int32_t y = 0; y < at->out_height; y++) {
        for (int32_t x = 0; x < at->out_width; x++) {
            const NAME_section s = NAME_cut(at, y, x);
            const int32_t count = (s.bottom - s.top) * (s.right - s.left);
            for (int32_t c = 0; c < at->channels; c++) {
                int32_t sum = 0;
                for (int32_t i = s.top; i < s.bottom; i++)
                    for (int32_t j = s.left; j < s.right; j++)
                        sum += in[NAME_at(at, s.row + i, s.column + j) + c] - zero;
                *out++ = NAME_rounded((int64_t)sum * multiplier, (int64_t)count << shift, out_zero);
            }
        }
    }
}

/* The sums of two values, number by number. */
static inline void NAME_add(const int8_t *a, const int8_t *b, int8_t *out, int32_t count, int32_t a_zero,
        int32_t b_zero, int32_t out_zero, int32_t a_multiplier, int32_t b_multiplier, int32_t shift) {
    for (int32_t i = 0; i < count; i++) {
        const int64_t sum = (int64_t)(a[i] - a_zero) * a_multiplier + (int64_t)(b[i] - b_zero) * b_multiplier;
        out[i] = NAME_shifted(sum, shift, out_zero);
    }
}

/* What each integer from -128 to 127 becomes. */
static inline void NAME_look_up(const int8_t *in, int8_t *out, int32_t count, const int8_t *table) {
    for (int32_t i = 0; i < count; i++) out[i] = table[in[i] + 128];
}

/* Integers become the numbers that they stand for. */
static inline void NAME_numbers(const int8_t *in, float *out, int32_t count, int32_t zero, float scale) {
    for (int32_t i = 0; i < count; i++) out[i] = (float)(in[i] - zero) * scale;
}

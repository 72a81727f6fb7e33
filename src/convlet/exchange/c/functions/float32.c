/* Bytes from 0 to 255 become numbers from 0 to 1. */
static inline void NAME_pixels(const uint8_t *in, float *out, int32_t count) {
    for (int32_t i = 0; i < count; i++) out[i] = (float)in[i] / 255.0f;
}

/* The sum of `count` products. */
static inline float NAME_dot(const float *a, const float *b, int32_t count) {
    float sum = 0.0f;
    for (int32_t i = 0; i < count; i++) sum += a[i] * b[i];
    return sum;
}

/* Each filter's kernel at every position; a row of it is one sum of products. kernel: (filters, rows, columns, channels). */
static inline void NAME_convolution(const float *in, float *out, const NAME_window *at, const float *kernel,
        const float *bias) {
    const int32_t line = at->kernel_width * at->channels;
    for (int32_t y = 0; y < at->out_height; y++) {
        for (int32_t x = 0; x < at->out_width; x++) {
            const NAME_section s = NAME_cut(at, y, x);
            const int32_t run = (s.right - s.left) * at->channels;
            for (int32_t f = 0; f < at->out_channels; f++) {
                const float *own = kernel + f * at->kernel_height * line;
                float sum = bias[f];
                for (int32_t i = s.top; i < s.bottom && run > 0; i++)
                    sum += NAME_dot(in + NAME_at(at, s.row + i, s.column + s.left),
                        own + i * line + s.left * at->channels, run);
                *out++ = sum;
            }
        }
    }
}

/* Each channel's own kernel at every position. kernel: (rows, columns, channels). */
static inline void NAME_depthwise(const float *in, float *out, const NAME_window *at, const float *kernel,
        const float *bias) {
    for (int32_t y = 0; y < at->out_height; y++) {
        for (int32_t x = 0; x < at->out_width; x++) {
            const NAME_section s = NAME_cut(at, y, x);
            for (int32_t c = 0; c < at->channels; c++) {
                float sum = bias[c];
                for (int32_t i = s.top; i < s.bottom; i++)
                    for (int32_t j = s.left; j < s.right; j++)
                        sum += in[NAME_at(at, s.row + i, s.column + j) + c] *
                        kernel[(i * at->kernel_width + j) * at->channels + c];
                *out++ = sum;
            }
        }
    }
}

/* Every unit looks at every input. kernel: (units, inputs). */
static inline void NAME_dense(const float *in, float *out, int32_t inputs, int32_t units, const float *kernel,
        const float *bias) {
    for (int32_t u = 0; u < units; u++) out[u] = bias[u] + NAME_dot(in, kernel + u * inputs, inputs);
}

/* The largest of each window, channel by channel. */
static inline void NAME_max_pooling(const float *in, float *out, const NAME_window *at) {
    for (int32_t y = 0; y < at->out_height; y++) {
        for (int32_t x = 0; x < at->out_width; x++) {
            const NAME_section s = NAME_cut(at, y, x);
            for (int32_t c = 0; c < at->channels; c++) {
                float best = in[NAME_at(at, s.row + s.top, s.column + s.left) + c];
                for (int32_t i = s.top; i < s.bottom; i++)
                    for (int32_t j = s.left; j < s.right; j++) {
                        const float value = in[NAME_at(at, s.row + i, s.column + j) + c];
                        best = value > best ? value : best;
                    }
                *out++ = best;
            }
        }
    }
}

/* The mean of each window, channel by channel; what lies beside the image does not count. */
static inline void NAME_average_pooling(const float *in, float *out, const NAME_window *at) {
    for (int32_t y = 0; y < at->out_height; y++) {
        for (int32_t x = 0; x < at->out_width; x++) {
            const NAME_section s = NAME_cut(at, y, x);
            const int32_t count = (s.bottom - s.top) * (s.right - s.left);
            for (int32_t c = 0; c < at->channels; c++) {
                float sum = 0.0f;
                for (int32_t i = s.top; i < s.bottom; i++)
                    for (int32_t j = s.left; j < s.right; j++) sum += in[NAME_at(at, s.row + i, s.column + j) + c];
                *out++ = sum / (float)count;
            }
        }
    }
}

/* The sums of two values, number by number. */
static inline void NAME_add(const float *a, const float *b, float *out, int32_t count) {
    for (int32_t i = 0; i < count; i++) out[i] = a[i] + b[i];
}

static inline void NAME_relu(const float *in, float *out, int32_t count) {
    for (int32_t i = 0; i < count; i++) out[i] = in[i] > 0.0f ? in[i] : 0.0f;
}

static inline void NAME_leaky_relu(const float *in, float *out, int32_t count) {
    for (int32_t i = 0; i < count; i++) out[i] = in[i] > 0.0f ? in[i] : 0.2f * in[i];
}

static inline void NAME_elu(const float *in, float *out, int32_t count) {
    for (int32_t i = 0; i < count; i++) out[i] = in[i] > 0.0f ? in[i] : expm1f(in[i]);
}

static inline void NAME_sigmoid(const float *in, float *out, int32_t count) {
    for (int32_t i = 0; i < count; i++) out[i] = (1.0f + tanhf(in[i] / 2.0f)) / 2.0f;
}

static inline void NAME_silu(const float *in, float *out, int32_t count) {
    for (int32_t i = 0; i < count; i++) out[i] = in[i] * (1.0f + tanhf(in[i] / 2.0f)) / 2.0f;
}

/* x times the share of a normal distribution that lies below x; 0.70710678 is the root of a half. */
static inline void NAME_gelu(const float *in, float *out, int32_t count) {
    for (int32_t i = 0; i < count; i++) out[i] = in[i] * erfcf(-0.707106781f * in[i]) / 2.0f;
}

static inline void NAME_hard_swish(const float *in, float *out, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        const float gate = in[i] + 3.0f;
        out[i] = in[i] * (gate < 0.0f ? 0.0f : gate > 6.0f ? 6.0f : gate) / 6.0f;
    }
}

static inline void NAME_tanh(const float *in, float *out, int32_t count) {
    for (int32_t i = 0; i < count; i++) out[i] = tanhf(in[i]);
}

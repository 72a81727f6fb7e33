/* Where a kernel or a pool goes on an image. Images lie row by row, pixel by pixel, the channels of one together. */
typedef struct {
    int32_t height, width, channels;             /* of what it is given */
    int32_t out_height, out_width, out_channels; /* of what it makes */
    int32_t kernel_height, kernel_width, stride_y, stride_x;
    int32_t top, left; /* pixels around the image, above and on the left */
} NAME_window;

/* The window at one position: the row and column of the image where it begins, and which of its own rows and columns,
   top to bottom and left to right, lie on the image. */
typedef struct {
    int32_t row, column, top, bottom, left, right;
} NAME_section;

static inline NAME_section NAME_cut(const NAME_window *at, int32_t y, int32_t x) {
    NAME_section s;
    s.row = y * at->stride_y - at->top;
    s.column = x * at->stride_x - at->left;
    s.top = s.row < 0 ? -s.row : 0;
    s.left = s.column < 0 ? -s.column : 0;
    s.bottom = at->height - s.row < at->kernel_height ? at->height - s.row : at->kernel_height;
    s.right = at->width - s.column < at->kernel_width ? at->width - s.column : at->kernel_width;
    return s;
}

/* Where the channels of a pixel are. */
static inline int32_t NAME_at(const NAME_window *at, int32_t row, int32_t column) {
    return (row * at->width + column) * at->channels;
}

/* Numbers become shares of 1, each the larger the larger the number. */
static inline void NAME_softmax(const float *in, float *out, int32_t rows, int32_t count) {
    for (int32_t row = 0; row < rows; row++, in += count, out += count) {
        float largest = in[0], sum = 0.0f;
        for (int32_t i = 1; i < count; i++) largest = in[i] > largest ? in[i] : largest;
        for (int32_t i = 0; i < count; i++) sum += out[i] = expf(in[i] - largest);
        for (int32_t i = 0; i < count; i++) out[i] /= sum;
    }
}

/* The same training in plain C: the innermost loop runs over neighbouring outputs, so that the
   compiler vectorises it. With SKIP_ZEROS, a zero input costs a test instead of a row of W. */

#include <math.h>
#include <stdint.h>

enum { BATCH = 32, I0 = 784, I1 = 64, I2 = 32, I3 = 32, CLASSES = 10 };

typedef struct {
    float W0[I0 * I1], b0[I1], W1[I1 * I2], b1[I2], W2[I2 * I3], b2[I3];
    float W3[I3 * CLASSES], b3[CLASSES];
} Weights;

#define INLINE static inline __attribute__((always_inline)) /* so that sizes are constants */

INLINE void linear(int N, int I, int O, const float *restrict x, const float *restrict W,
                   const float *restrict b, float *restrict y)
{
    for (int n = 0; n < N; n++) {
        for (int o = 0; o < O; o++)
            y[n * O + o] = b[o];
        for (int i = 0; i < I; i++) {
            const float value = x[n * I + i];
#ifdef SKIP_ZEROS
            if (value == 0)
                continue;
#endif
            for (int o = 0; o < O; o++)
                y[n * O + o] += value * W[i * O + o];
        }
    }
}

INLINE void linear_dW(int N, int I, int O, const float *restrict x, const float *restrict dy,
                      float *restrict dW, float *restrict db)
{
    for (int i = 0; i < I; i++) {
        for (int o = 0; o < O; o++)
            dW[i * O + o] = 0;
        for (int n = 0; n < N; n++) {
            const float value = x[n * I + i];
#ifdef SKIP_ZEROS
            if (value == 0)
                continue;
#endif
            for (int o = 0; o < O; o++)
                dW[i * O + o] += value * dy[n * O + o];
        }
    }
    for (int o = 0; o < O; o++)
        db[o] = 0;
    for (int n = 0; n < N; n++)
        for (int o = 0; o < O; o++)
            db[o] += dy[n * O + o];
}

INLINE void linear_dx(int N, int I, int O, const float *restrict dy, const float *restrict W,
                      float *restrict dx)
{
    float turned[O * I];
    for (int i = 0; i < I; i++)
        for (int o = 0; o < O; o++)
            turned[o * I + i] = W[i * O + o];
    for (int n = 0; n < N; n++) {
        for (int i = 0; i < I; i++)
            dx[n * I + i] = 0;
        for (int o = 0; o < O; o++) {
            const float value = dy[n * O + o];
#ifdef SKIP_ZEROS
            if (value == 0)
                continue;
#endif
            for (int i = 0; i < I; i++)
                dx[n * I + i] += value * turned[o * I + i];
        }
    }
}

INLINE void relu(int size, float *restrict y)
{
    for (int k = 0; k < size; k++)
        y[k] = y[k] > 0 ? y[k] : 0;
}

INLINE void relu_dx(int size, const float *restrict y, float *restrict dy)
{
    for (int k = 0; k < size; k++)
        dy[k] = y[k] > 0 ? dy[k] : 0;
}

INLINE void log_softmax(int N, int C, float *restrict y)
{
    for (int n = 0; n < N; n++) {
        float highest = y[n * C], total = 0;
        for (int c = 1; c < C; c++)
            highest = y[n * C + c] > highest ? y[n * C + c] : highest;
        for (int c = 0; c < C; c++)
            total += expf(y[n * C + c] - highest);
        const float shift = highest + logf(total);
        for (int c = 0; c < C; c++)
            y[n * C + c] -= shift;
    }
}

INLINE void descend(int size, float lr, const float *restrict g, float *restrict w)
{
    for (int k = 0; k < size; k++)
        w[k] -= lr * g[k];
}

INLINE void forward(int N, const Weights *restrict w, const float *restrict x, float *restrict y0,
                    float *restrict y1, float *restrict y2, float *restrict y3)
{
    linear(N, I0, I1, x, w->W0, w->b0, y0);
    relu(N * I1, y0);
    linear(N, I1, I2, y0, w->W1, w->b1, y1);
    relu(N * I2, y1);
    linear(N, I2, I3, y1, w->W2, w->b2, y2);
    relu(N * I3, y2);
    linear(N, I3, CLASSES, y2, w->W3, w->b3, y3);
    log_softmax(N, CLASSES, y3);
}

/* xorshift64*, Vigna 2016, "An experimental exploration of Marsaglia's xorshift generators" */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 2685821657736338717u;
}

/* One epoch; `order` holds the numbers of all rows. Returns the mean of the batches' losses. */
double epoch(Weights *restrict w, const float *restrict X, const int64_t *restrict labels,
             int64_t *restrict order, int64_t rows, uint64_t *seed, float lr)
{
    static float x[BATCH * I0];
    static float y0[BATCH * I1], y1[BATCH * I2], y2[BATCH * I3], y3[BATCH * CLASSES];
    static float dy0[BATCH * I1], dy1[BATCH * I2], dy2[BATCH * I3], dy3[BATCH * CLASSES];
    static Weights g;
    double total = 0;

    for (int64_t k = rows - 1; k > 0; k--) {
        const int64_t other = (int64_t)(next_random(seed) % (uint64_t)(k + 1));
        const int64_t kept = order[k];
        order[k] = order[other];
        order[other] = kept;
    }
    for (int64_t batch = 0; batch < rows / BATCH; batch++) {
        const int64_t *row = order + batch * BATCH;
        for (int n = 0; n < BATCH; n++)
            for (int i = 0; i < I0; i++)
                x[n * I0 + i] = X[row[n] * I0 + i];

        forward(BATCH, w, x, y0, y1, y2, y3);
        for (int n = 0; n < BATCH; n++) {
            total -= y3[n * CLASSES + labels[row[n]]];
            for (int c = 0; c < CLASSES; c++)
                dy3[n * CLASSES + c] = expf(y3[n * CLASSES + c]) / BATCH;
            dy3[n * CLASSES + labels[row[n]]] -= 1.0f / BATCH;
        }

        linear_dW(BATCH, I3, CLASSES, y2, dy3, g.W3, g.b3);
        linear_dx(BATCH, I3, CLASSES, dy3, w->W3, dy2);
        relu_dx(BATCH * I3, y2, dy2);
        linear_dW(BATCH, I2, I3, y1, dy2, g.W2, g.b2);
        linear_dx(BATCH, I2, I3, dy2, w->W2, dy1);
        relu_dx(BATCH * I2, y1, dy1);
        linear_dW(BATCH, I1, I2, y0, dy1, g.W1, g.b1);
        linear_dx(BATCH, I1, I2, dy1, w->W1, dy0);
        relu_dx(BATCH * I1, y0, dy0);
        linear_dW(BATCH, I0, I1, x, dy0, g.W0, g.b0);

        descend(sizeof(Weights) / sizeof(float), lr, (const float *)&g, (float *)w);
    }
    return total / (double)(rows / BATCH * BATCH);
}

void guesses(const Weights *restrict w, const float *restrict X, int64_t rows,
             int64_t *restrict guess)
{
    float y0[I1], y1[I2], y2[I3], y3[CLASSES];
    for (int64_t n = 0; n < rows; n++) {
        forward(1, w, X + n * I0, y0, y1, y2, y3);
        guess[n] = 0;
        for (int c = 1; c < CLASSES; c++)
            if (y3[c] > y3[guess[n]])
                guess[n] = c;
    }
}

// The optimizers: what one step does to a parameter w, by its gradient g, and to what is remembered of it.
// In each, L2 comes first: weightDecay * w is added to the gradient.

const OPTIMIZERS = {
  SGD: {
    update(w, g, memory, { lr, momentum, nesterov, weightDecay }) {
      const first = momentum && !memory.velocity;
      if (first) memory.velocity = new Float64Array(w.length);
      for (let k = 0; k < w.length; k++) {
        let step = g[k] + weightDecay * w[k];
        if (momentum) {
          const v = first ? step : momentum * memory.velocity[k] + step;
          memory.velocity[k] = v;
          step = nesterov ? step + momentum * v : v;
        }
        w[k] -= lr * step;
      }
    },
  },

  RMSprop: {
    update(w, g, memory, { lr, alpha, eps, weightDecay }) {
      memory.square ??= new Float64Array(w.length);
      for (let k = 0; k < w.length; k++) {
        const slope = g[k] + weightDecay * w[k];
        const v = (memory.square[k] = alpha * memory.square[k] + (1 - alpha) * slope * slope);
        w[k] -= (lr * slope) / (Math.sqrt(v) + eps);
      }
    },
  },

  Adam: {
    update(w, g, memory, { lr, betas: [beta1, beta2], eps, weightDecay }) {
      memory.mean ??= new Float64Array(w.length);
      memory.square ??= new Float64Array(w.length);
      const t = (memory.step = (memory.step ?? 0) + 1);
      const rate = lr / (1 - beta1 ** t);
      for (let k = 0; k < w.length; k++) {
        const slope = g[k] + weightDecay * w[k];
        const m = (memory.mean[k] = beta1 * memory.mean[k] + (1 - beta1) * slope);
        const v = (memory.square[k] = beta2 * memory.square[k] + (1 - beta2) * slope * slope);
        w[k] -= (rate * m) / (Math.sqrt(v / (1 - beta2 ** t)) + eps);
      }
    },
  },
};

const OPTIMIZER_OPTIONS = ["lr", "momentum", "nesterov", "alpha", "betas", "eps", "weightDecay"];

// What an optimizer remembers of one parameter: arrays, and the count of steps.
function copyOfMemory(memory) {
  return Object.fromEntries(
    Object.entries(memory).map(([name, value]) => [name, typeof value === "number" ? value : value.slice()]),
  );
}

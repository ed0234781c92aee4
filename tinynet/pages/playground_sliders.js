
// For an input that is no picture: a slider for each of its numbers, and rows of the training data.

function buildSliders() {
  byId("sliders").hidden = false;
  byId("draw-title").textContent = "Set the numbers";
  const { low, high, rows } = data.values;
  const { count, names } = data.input;
  byId("numbers").append(...Array.from({ length: count }, (_, k) => {
    const slider = make("input", { type: "range", min: low[k], max: high[k], step: "any", value: (low[k] + high[k]) / 2 });
    slider.addEventListener("input", show);
    return make("label", {}, make("span", {}, names?.[k] ?? `input ${k}`), slider, make("output", { className: "number" }));
  }));
  if (!rows) return;
  byId("rows").append(...Array.from({ length: rows.length / count }, (_, n) => {
    const button = make("button", { type: "button", title: `row ${n} of the samples` }, `${n}`);
    button.addEventListener("click", () => setSliders(rows.subarray(n * count, (n + 1) * count)));
    return button;
  }));
  byId("rows").before(make("p", { className: "soft small" }, "Or take a row of the training data:"));
}

const sliders = () => [...byId("numbers").querySelectorAll("input")];

function setSliders(x) {
  sliders().forEach((slider, k) => { slider.value = x[k]; });
  show();
}

// The numbers that the network gets, each written beside its slider.
function slid() {
  return Float32Array.from(sliders(), (slider) => {
    slider.nextElementSibling.textContent = Number(slider.value).toFixed(2);
    return Number(slider.value);
  });
}

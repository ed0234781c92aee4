
// Five guided scenes: three sentences, a question, and something to try.

const SCENES = [
  {
    name: "xor", title: "XOR with too few units",
    text: "The points are of class 1 where exactly one of x1 and x2 is above 0. One hidden unit sees the plane in one direction only: whatever it learns, its boundary is made of parallel lines. Run it, and watch one corner or two stay wrong.",
    question: "How many units does XOR need? Add them one by one with + above the layer, and look at each unit's own map.",
    setup: {
      data: { kind: "xor", points: 200, test: 200, noise: 0.05, seed: 1 }, hidden: [1], activation: "Tanh",
      loss: "CrossEntropyLoss", optimizer: "Adam", lr: 0.03, batch: 20, seed: 4,
    },
    tries: [["Four units", { hidden: [4] }]],
  },
  {
    name: "dead", title: "A dead ReLU",
    text: "A ReLU gives 0 where its sum is below 0, and then no gradient comes back through it. These steps are large, and throw some units so far that they give 0 for every training point: they are marked dead, and no gradient of their own can wake them. Run it, then click on a dead unit: all of its gradients are 0.",
    question: "Why does a LeakyReLU not die? Take it, and look at the same unit's gradients.",
    setup: {
      data: { kind: "moons", points: 200, test: 200, noise: 0.15, seed: 0 }, hidden: [8, 8], activation: "ReLU",
      loss: "CrossEntropyLoss", optimizer: "SGD", lr: 2, batch: 20, seed: 2,
    },
    tries: [["Take LeakyReLU", { activation: "LeakyReLU" }]],
  },
  {
    name: "sigmoids", title: "Gradients that vanish",
    text: "Ten layers of sigmoids stand between the input and the loss. The slope of a sigmoid is at most a quarter, so each layer on the way back makes the gradient smaller. The table shows it by powers of ten, and all wires are drawn on one scale: those on the left have nearly nothing to learn from.",
    question: "By what factor does the gradient shrink from layer 10 to layer 1? Take Tanh, with first weights by Xavier, and compare.",
    setup: {
      data: { kind: "moons", points: 200, test: 200, noise: 0.1, seed: 0 }, hidden: Array(10).fill(6), activation: "Sigmoid",
      loss: "CrossEntropyLoss", optimizer: "SGD", lr: 0.3, batch: 20, seed: 0,
    },
    tries: [["Take Tanh and Xavier", { activation: "Tanh", init: "xavier_uniform" }]],
    oneScale: true,
  },
  {
    name: "rate", title: "A learning rate too large",
    text: "The loss falls along the gradient, but only near the point where the gradient was measured. A step that is too long lands higher on the other side of the valley, where the slope is steeper and the next step longer still. Walk a few steps: the loss explodes.",
    question: "What is the largest learning rate with which this network still learns? Go back to step 0, lower it, and run again.",
    setup: {
      data: { kind: "wave", points: 100, test: 100, noise: 0.1, seed: 0 }, hidden: [8], activation: "ReLU",
      loss: "MSELoss", optimizer: "SGD", lr: 1, batch: 20, seed: 0,
    },
    tries: [["A tenth of it", { lr: 0.1 }]],
    logScale: true,
  },
  {
    name: "overfitting", title: "Overfitting, and L2",
    text: "Thirty noisy points, and a network with hundreds of weights: it can draw a boundary around every single point. The training loss falls towards 0, while the loss on the test points, which it never learns from, soon rises. L2 pulls every weight a little towards 0 in each step, which keeps the boundary smooth.",
    question: "At which L2 is the test loss lowest, and what happens to the training loss there?",
    setup: {
      data: { kind: "moons", points: 30, test: 300, noise: 0.4, seed: 2 }, hidden: [16, 16], activation: "Tanh",
      loss: "CrossEntropyLoss", optimizer: "Adam", lr: 0.01, batch: 10, seed: 0,
    },
    tries: [["L2 of 0.03", { weightDecay: 0.03 }]],
    showTest: true,
  },
];

function buildScenes() {
  const button = (text, name, open) => {
    const element = make("button", { type: "button" }, text);
    element.dataset.scene = name;
    element.setAttribute("aria-pressed", name === "");
    element.addEventListener("click", open);
    return element;
  };
  byId("scenes").append(button("None", "", closeScene), ...SCENES.map(({ name, title }, k) => button(`${k + 1} ${title}`, name, () => openScene(name))));
}

function openScene(name) {
  const scene = SCENES.find((one) => one.name === name);
  if (!scene) return;
  setRunning(false);
  for (const [tick, id] of [["oneScale", "one-scale"], ["logScale", "log-scale"], ["showTest", "show-test"]]) {
    lab[tick] = byId(id).checked = Boolean(scene[tick]);
  }
  begin(scene.setup);
  byId("scene-text").textContent = scene.text;
  byId("scene-question").textContent = scene.question;
  byId("tries").replaceChildren(...[["Begin again", {}], ...scene.tries].map(([text, changes]) => {
    const button = make("button", { type: "button" }, text);
    button.addEventListener("click", () => begin({ ...scene.setup, ...changes }));
    return button;
  }));
  markScene(name);
}

function closeScene() {
  markScene("");
}

function markScene(name) {
  byId("scene").hidden = !name;
  for (const button of byId("scenes").children) button.setAttribute("aria-pressed", button.dataset.scene === name);
}

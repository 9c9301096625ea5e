// Small images of what can be put on the canvas, drawn with lines in a square of 24 units.

import type { ReactNode } from "react";

/** The kinds of nodes, each with a colour. */
export type Family =
  | "data"
  | "layer"
  | "activation"
  | "container"
  | "image"
  | "sequence"
  | "attention"
  | "normal"
  | "operation"
  | "cost"
  | "own";

const FAMILIES: Record<string, Family> = {
  Data: "data",
  Layers: "layer",
  Activations: "activation",
  Containers: "container",
  "Several inputs and outputs": "container",
  Images: "image",
  Recurrent: "sequence",
  "Sequence generators": "sequence",
  Attention: "attention",
  "Normalisation and dropout": "normal",
  Operations: "operation",
  Costs: "cost",
  "PyTorch modules": "own",
  "Ready blocks": "container",
};

/** Returns the family of a group of the palette. */
export function familyOfGroup(group: string): Family {
  return FAMILIES[group] ?? "own";
}

const path = (d: string) => <path d={d} />;
const CURVE = "M3 20.5h18M12 3.5v17";
const faint = (d: string) => <path d={d} className="wbe-faint" />;
const curve = (d: string) => (
  <>
    {faint(CURVE)}
    {path(d)}
  </>
);
const text = (letters: string, size = 13) => (
  <text x="12" y="12" fontSize={size} textAnchor="middle" dominantBaseline="central">
    {letters}
  </text>
);

const LAYER = path(
  "M5 5l14 3M5 5l14 11M5 12l14-4M5 12l14 4M5 19l14-11M5 19l14-3" +
    "M3.5 5h3M3.5 12h3M3.5 19h3M17.5 8h3M17.5 16h3",
);
const BOXES = path("M4 4h16v16H4zM8 8h8v3H8zM8 13h8v3H8z");
const LOOP = path("M7 9h10v8H7zM17 13h3.5V4.5h-17V13H7M9.5 6.5l-2-2 2-2");
const WINDOW = (
  <>
    {faint("M4 4h16v16H4zM4 9.3h16M4 14.7h16M9.3 4v16M14.7 4v16")}
    {path("M4 4h10.7v10.7H4z")}
  </>
);
const FAN = path(
  "M12 19L4 6M12 19L9.3 6M12 19l2.7-13M12 19l8-13M2.8 5h2.4M8 5h2.6M13.4 5H16M18.8 5h2.4",
);
const BELL = curve("M3 19.5c6 0 6-14 9-14s3 14 9 14");
const TARGET = path(
  "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 8.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM12 12h.01",
);
const FORK = path("M12 20v-7M12 13L5 5M12 13l7-8M3 5h4M17 5h4");

/** Images by the name of a type, or else by the family. */
const BY_TYPE: Record<string, ReactNode> = {
  Input: path(
    "M5 6c0-2.7 14-2.7 14 0v12c0 2.7-14 2.7-14 0zM5 6c0 2.7 14 2.7 14 0M5 12c0 2.7 14 2.7 14 0",
  ),
  Linear: LAYER,
  Bias: path("M4 17h16M4 9h16M12 5.5v7M8.5 9h7"),
  LinearMaxout: path("M3 8l5 6 5-9 8 11"),
  Maxout: path("M3 8l5 6 5-9 8 11"),
  LookupTable: path("M4 4h16v16H4zM4 9.3h16M4 14.7h16M9 4v16M11 12h7"),
  Identity: curve("M4 20L20 4"),
  Rectifier: curve("M3 16.5h9L21 5"),
  LeakyRectifier: curve("M3 18.5l9-2L21 5"),
  Tanh: curve("M3 17.5c8 0 6-13 18-13"),
  Logistic: curve("M3 19c9 0 9-13 18-13"),
  Softplus: curve("M3 18.5c7 0 9-3 18-13"),
  Softmax: path("M4 20V14M9.3 20V5M14.7 20v-9M20 20v-4"),
  NDimensionalSoftmax: path("M4 20V14M9.3 20V5M14.7 20v-9M20 20v-4"),
  GELU: curve("M3 16c6 0 7 4 10 1L21 5"),
  Convolutional: WINDOW,
  ConvolutionalTranspose: WINDOW,
  MaxPooling: path("M4 4h16v16H4zM12 4v16M4 12h16M5 5h6v6H5z"),
  AveragePooling: path("M4 4h16v16H4zM12 4v16M4 12h16"),
  Flattener: path("M4 5h9v9H4zM4 19h16M8.5 5v9M4 9.5h9"),
  MLP: path("M4 7h3M4 17h3M7 7l5-3M7 7l5 5M7 17l5-5M7 17l5 3M12 4l5 8M12 12h5M12 20l5-8M17 12h3"),
  Sequence: BOXES,
  FeedforwardSequence: BOXES,
  Dropout: path(
    "M6 6h.01M12 6h.01M18 6h.01M6 12h.01M18 12h.01M12 18h.01M18 18h.01M10.5 10.5l3 3M13.5 10.5l-3 3M4.5 16.5l3 3M7.5 16.5l-3 3",
  ),
  SimpleRecurrent: LOOP,
  LSTM: LOOP,
  GatedRecurrent: LOOP,
  Fork: FORK,
  Merge: path("M12 4v7M12 11l-7 8M12 11l7 8M3 19h4M17 19h4"),
  add: text("+", 20),
  subtract: text("−", 20),
  multiply: text("×", 20),
  divide: text("÷", 20),
  power: text("xʸ"),
  matmul: text("@", 15),
  negative: text("−x"),
  equal: text("=", 20),
  exp: text("eˣ", 14),
  log: text("ln"),
  sqrt: text("√x"),
  square: text("x²"),
  abs: text("|x|"),
  sum: text("Σ", 17),
  mean: text("x̄", 15),
  argmax: text("max", 9.5),
  max: text("max", 9.5),
  min: text("min", 9.5),
  sigmoid: curve("M3 19c9 0 9-13 18-13"),
  tanh: curve("M3 17.5c8 0 6-13 18-13"),
  relu: curve("M3 16.5h9L21 5"),
  softmax: path("M4 20V14M9.3 20V5M14.7 20v-9M20 20v-4"),
  flatten: path("M4 5h9v9H4zM4 19h16M8.5 5v9M4 9.5h9"),
  reshape: path("M3 5h7v14H3zM14 9h7v6h-7zM10.5 12h3"),
  transpose: path("M4 4h16v16H4zM4 4l16 16"),
  T: path("M4 4h16v16H4zM4 4l16 16"),
  concatenate: path("M3 6h8v12H3zM13 6h8v12h-8zM11 12h2"),
  stack: path("M4 14l8 5 8-5M4 10l8 5 8-5-8-5z"),
};

const BY_FAMILY: Record<Family, ReactNode> = {
  data: BY_TYPE.Input,
  layer: LAYER,
  activation: curve("M3 17.5c8 0 6-13 18-13"),
  container: BOXES,
  image: WINDOW,
  sequence: LOOP,
  attention: FAN,
  normal: BELL,
  operation: text("ƒ", 16),
  cost: TARGET,
  own: path("M12 3l8 4.5v9L12 21l-8-4.5v-9zM12 12l8-4.5M12 12v9M12 12L4 7.5"),
};

/** The tile with the small image of a type. */
export function Tile({ type, family }: { type: string; family: Family }) {
  return (
    <span className="wbe-tile" data-family={family} aria-hidden="true">
      <svg viewBox="0 0 24 24">{BY_TYPE[type] ?? BY_FAMILY[family]}</svg>
    </span>
  );
}

const SIGNS = {
  undo: "M8 5L4 9l4 4M4 9h10a6 6 0 0 1 0 12h-3",
  redo: "M16 5l4 4-4 4M20 9H10a6 6 0 0 0 0 12h3",
  arrange: "M9 3h6v5H9zM3 16h6v5H3zM15 16h6v5h-6zM12 8v4M6 16v-4h12v4",
  align: "M4 3v18M8 6h12v4H8zM8 14h7v4H8z",
  group: "M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M8 8h8v8H8z",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l5 5",
  fit: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  cell: "M4 4h16v6H4zM12 13v8M8 17h8",
  image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9h.01",
  code: "M8 7l-5 5 5 5M16 7l5 5-5 5M14 4l-4 16",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  close: "M6 6l12 12M18 6L6 18",
  open: "M9 6l6 6-6 6",
  back: "M15 6l-6 6 6 6",
  push: "M12 3v12M7 10l5 5 5-5M4 20h16",
  down: "M6 9l6 6 6-6",
  unpack: "M4 12v8h16v-8M12 15V4M8 8l4-4 4 4",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  train: "M7 4l12 8-12 8z",
  panel: "M4 4h16v16H4zM15 4v16",
  palette: "M4 4h16v16H4zM9 4v16",
  full: "M14 4h6v6M20 4l-7 7M10 20H4v-6M4 20l7-7",
  freeze: "M12 3v18M4.2 7.5l15.6 9M19.8 7.5l-15.6 9M9.5 4.5L12 7l2.5-2.5M9.5 19.5L12 17l2.5 2.5",
  watch: "M2.5 12C7 4.5 17 4.5 21.5 12 17 19.5 7 19.5 2.5 12zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z",
  fault: "M12 7v6M12 16.5h.01M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z",
  reset: "M5 5v5h5M5.5 10A7.5 7.5 0 1 1 4.5 14",
  up: "M6 15l6-6 6 6",
  rename: "M4 20l1-5L16 4l4 4L9 19zM13 7l4 4",
  bin: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
} as const;

export type SignName = keyof typeof SIGNS;

/** A sign on a button. */
export function Sign({ name }: { name: SignName }) {
  return (
    <svg className="wbe-sign" viewBox="0 0 24 24" aria-hidden="true">
      <path d={SIGNS[name]} />
    </svg>
  );
}

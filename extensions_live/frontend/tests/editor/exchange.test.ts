/// <reference types="vite/client" />

import { describe, expect, it, vi } from "vitest";

import { insertCell, notebookOf } from "../../src/editor/cells";
import { copiedText, isDocument, pastable } from "../../src/editor/copying";
import {
  checksum,
  documentInPng,
  documentInSvg,
  drawSvg,
  withDocument,
} from "../../src/editor/drawing";
import type { EditorModel } from "../../src/editor/model";
import { node } from "./boards";
import pngOfPython from "./images/python.png?inline";
import svgOfPython from "./images/python.svg?raw";

const DOCUMENT = '{"board": 1, "name": "<ö & \\"x\\">"}';
const COLOURS = {
  ...{ paper: "#fff", fill: "#fff", line: "#ccc", text: "#111", soft: "#666", font: "sans-serif" },
  accent: () => "#00f",
};

/** The smallest PNG: one pixel. */
const PNG = Uint8Array.from(
  atob(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  ),
  (character) => character.charCodeAt(0),
);

describe("images", () => {
  it("keep the document in an SVG", () => {
    const box = { x: 0, y: 0, width: 100, height: 40 };
    const edges = [{ path: "M0 0L1 1", label: "batch × 10", at: [5, 5] as const }];
    const svg = drawSvg([{ node: node("a<b"), box }], edges, COLOURS, DOCUMENT);
    const parsed = new DOMParser().parseFromString(svg, "image/svg+xml");
    expect(parsed.querySelector("parsererror")).toBeNull();
    expect([...parsed.querySelectorAll("text")].map((one) => one.textContent)).toEqual([
      "batch × 10",
      "a<b",
      "Linear",
    ]);
    expect(documentInSvg(svg)).toBe(DOCUMENT);
  });

  it("keep the document in a PNG, whose other parts stay", () => {
    const png = withDocument(PNG, DOCUMENT);
    expect(documentInPng(png)).toBe(DOCUMENT);
    expect(png.subarray(-12)).toEqual(PNG.subarray(-12));
    expect(png.subarray(0, 33)).toEqual(PNG.subarray(0, 33));
  });

  it("are opened if Python wrote them", () => {
    const png = atob(pngOfPython.replace("data:image/png;base64,", ""));
    const svg = documentInSvg(svgOfPython) ?? "";
    const document = JSON.parse(svg) as { board: number; groups: Record<string, unknown> };
    expect(document.board).toBe(1);
    expect(document.groups.group).toHaveProperty("name", "head & 'tail' <ö>");
    expect(documentInPng(Uint8Array.from(png, (character) => character.charCodeAt(0)))).toBe(svg);
    expect(isDocument(svg)).toBe(true);
  });

  it("have no document if they are not of an editor", () => {
    expect(documentInPng(PNG)).toBeNull();
    expect(documentInPng(new Uint8Array([1, 2, 3]))).toBeNull();
    expect(documentInSvg("<svg></svg>")).toBeNull();
  });

  it("have the check sum of PNG", () => {
    expect(checksum(new TextEncoder().encode("IEND"))).toBe(0xae426082);
  });
});

describe("the clipboard", () => {
  it("gets the document with the chosen nodes, and pastes only these", () => {
    const text = copiedText('{"board": 1, "spec": {}}', ["a", "b"]) ?? "";
    expect(pastable(text)).toEqual({ text: '{"board":1,"spec":{}}', nodes: ["a", "b"] });
  });

  it("gets nothing without chosen nodes", () => {
    expect(copiedText('{"board": 1}', [])).toBeNull();
  });

  it("pastes code of the library, but no other text", () => {
    expect(pastable("from workbench.bricks import MLP\nmlp = MLP()")).toHaveProperty("text");
    expect(pastable("hello")).toBeNull();
    expect(pastable('{"x": 1}')).toBeNull();
    expect(isDocument("{broken")).toBe(false);
  });
});

describe("cells", () => {
  const view = { "application/vnd.jupyter.widget-view+json": { model_id: "abc" } };

  function model(sharedModel: unknown) {
    const get = () => "abc";
    return {
      get,
      widget_manager: { context: { model: { sharedModel } } },
    } as unknown as EditorModel;
  }

  it("are inserted below the cell that shows the editor", () => {
    const insert = vi.fn();
    const cells = [{ cell_type: "code" }, { cell_type: "code", outputs: [{ data: view }] }];
    expect(insertCell(model({ cells, insertCell: insert }), "x = 1\n")).toBe(true);
    expect(insert).toHaveBeenCalledWith(2, expect.objectContaining({ source: "x = 1" }));
  });

  it("are inserted at the end if no cell shows the editor", () => {
    const insert = vi.fn();
    insertCell(model({ cells: [{ cell_type: "markdown" }], insertCell: insert }), "x = 1");
    expect(insert.mock.calls[0]?.[0]).toBe(1);
  });

  it("cannot be inserted where there is no notebook", () => {
    expect(notebookOf(model(undefined))).toBeNull();
    expect(insertCell(model({}), "x = 1")).toBe(false);
  });
});

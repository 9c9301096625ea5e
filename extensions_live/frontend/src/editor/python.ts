// Splits Python code into pieces with a kind, for colours in the code pane.

export type Kind = "plain" | "keyword" | "text" | "number" | "comment" | "call";

export interface Piece {
  readonly kind: Kind;
  readonly text: string;
}

const PIECES =
  /(#[^\n]*)|("""[\s\S]*?(?:"""|$)|'''[\s\S]*?(?:'''|$)|[rbfRBF]{0,2}"(?:\\.|[^"\\\n])*"?|[rbfRBF]{0,2}'(?:\\.|[^'\\\n])*'?)|(\b\d[\d_.]*(?:e[+-]?\d+)?\b)|(\b(?:from|import|as|for|in|if|else|lambda|None|True|False|def|return|not|and|or|is|class|with)\b)|(\b[A-Za-z_]\w*(?=\())/gi;

const KINDS: readonly Kind[] = ["comment", "text", "number", "keyword", "call"];

/** Returns the pieces of some code; together they are the code. */
export function piecesOf(code: string): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const match of code.matchAll(PIECES)) {
    if (match.index > end) pieces.push({ kind: "plain", text: code.slice(end, match.index) });
    const place = match.slice(1).findIndex(Boolean);
    pieces.push({ kind: KINDS[place] ?? "plain", text: match[0] });
    end = match.index + match[0].length;
  }
  if (end < code.length) pieces.push({ kind: "plain", text: code.slice(end) });
  return pieces;
}

// The value of an edge for the example that is pushed: an image or bars, and numbers.

import { useEffect, useRef } from "react";

import type { EdgeImage, EdgeValue } from "../../messages";
import { barsOf, gridOf, pixelsOf } from "../live";

const SIZE = { image: 40, map: 20, bars: { width: 64, height: 28 } };

interface ValueCardProps {
  readonly value: EdgeValue;
  /** True to stand at the left of the edge. */
  readonly left?: boolean;
}

export function ValueCard({ value, left = false }: ValueCardProps) {
  const { image, bars, text, note, shape, title } = value;
  const more = [note, shape].filter(Boolean).join(" · ");
  return (
    <span className={`wbe-value ${left ? "wbe-left" : ""}`} title={title}>
      {image && <Picture image={image} label={title} />}
      {bars.length > 0 && <Bars values={bars} />}
      <span className="wbe-value-text">
        <span>{text}</span>
        {more && <span className="wbe-value-more">{more}</span>}
      </span>
    </span>
  );
}

function Picture({ image, label }: { image: EdgeImage; label: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { width, height, data } = pixelsOf(image);
  useEffect(() => {
    const pen = canvas.current?.getContext("2d");
    pen?.putImageData(new ImageData(data, width, height), 0, 0);
  });
  const { columns, rows } = gridOf(image.count);
  const tall = rows > 1 || image.count > 1 ? rows * SIZE.map : SIZE.image;
  const wide = (tall * width) / height;
  return (
    <span className="wbe-picture">
      <canvas
        ref={canvas}
        width={width}
        height={height}
        style={{ width: `${Math.min(wide, 140)}px`, height: `${tall}px` }}
        role="img"
        aria-label={label}
        data-columns={columns}
      />
      {image.of > image.count && <span>{`${image.count} of ${image.of}`}</span>}
    </span>
  );
}

function Bars({ values }: { values: readonly number[] }) {
  const { width, height } = SIZE.bars;
  return (
    <svg className="wbe-bars" width={width} height={height} aria-hidden="true">
      {barsOf(values, width, height).map((bar, place) => (
        <rect key={place} {...bar} />
      ))}
    </svg>
  );
}

// The path of the selected brick and the code that selects its variables, to copy.

import { copyText } from "../../clipboard";
import { Sign } from "../images";
import { useTools } from "./context";
import { useLive } from "./useLive";

export function Address({ node }: { node: string }) {
  const picked = useLive(({ picked: found }) => (found?.node === node ? found : null));
  if (!picked?.expression) return null;
  const { path, expression } = picked;
  return (
    <section className="wbe-address" aria-label="in code">
      <h4>in code</h4>
      {path && <Line name="path" text={path} />}
      <Line name="select" text={expression} />
    </section>
  );
}

function Line({ name, text }: { name: string; text: string }) {
  const { say, toast } = useTools();
  return (
    <div className="wbe-address-line">
      <code title={text} data-testid={`address-${name}`}>
        {text}
      </code>
      <button
        type="button"
        className="wbe-icon"
        title={`copy ${text}`}
        aria-label={`copy ${text}`}
        data-testid={`copy-${name}`}
        onClick={({ currentTarget }) => {
          void copyText(text, currentTarget).then((copied) => {
            if (copied) say(`copied ${text}`);
            else toast("The page does not allow to copy; select the text instead.");
          });
        }}
      >
        <Sign name="copy" />
      </button>
    </div>
  );
}

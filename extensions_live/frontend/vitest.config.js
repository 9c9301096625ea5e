import { defineConfig } from "vitest/config";

// Files that put a stand-in in the place of a module get a page of their own: in a page that they
// share, another file may already have loaded what uses the real module.
const APART = ["examples", "figures", "sweep"].map((name) => `tests/${name}.test.ts`);

export default defineConfig({
  test: {
    environment: "jsdom",
    restoreMocks: true,
    projects: [
      {
        extends: true,
        test: {
          name: "together",
          include: ["tests/**/*.test.{ts,tsx}"],
          exclude: APART,
          isolate: false, // a new page for every file would take most of the time
        },
      },
      { extends: true, test: { name: "apart", include: APART } },
    ],
  },
});

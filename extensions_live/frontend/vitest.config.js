import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    environment: "jsdom",
    include: ["tests/**/*.test.{ts,tsx}"],
    isolate: false, // a new page for every file would take most of the time
    restoreMocks: true,
  },
});

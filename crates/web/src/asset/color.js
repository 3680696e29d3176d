// The colours of lines: the first ten are chosen by hand, those beyond are computed, and none comes twice.

const CHOSEN = 10;
/** The golden angle: each hue lies in the widest gap that the earlier ones left. */
const ANGLE = 137.508;

/** The colour of the line with this index; `style` is what the page's style says, which has the chosen ones. */
export function lineColor(index, style) {
  if (index < CHOSEN) return style.getPropertyValue(`--line-${index}`).trim();
  const isDark = style.getPropertyValue("--is-dark").trim() === "1";
  const beyond = index - CHOSEN;
  const hue = ((beyond * ANGLE + 15) % 360).toFixed(1);
  // Hues come close to one another after a while; lightness tells those apart.
  const shade = (Math.floor(beyond / 12) % 3) * 9;
  return `hsl(${hue} 60% ${(isDark ? 58 : 34) + shade}%)`;
}

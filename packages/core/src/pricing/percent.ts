/** Parts per million as a percentage in words: 190000 -> '19'; 82500 -> '8.25'. */
export function percent(ratePpm: bigint | number): string {
  const text = ratePpm.toString().padStart(5, '0')
  return `${text.slice(0, -4)}.${text.slice(-4)}`.replace(/\.?0+$/, '')
}

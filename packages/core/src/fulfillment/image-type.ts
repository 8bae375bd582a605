/** The media type of a picture by its first bytes, whatever it is said to be; undefined for anything else. */
export function imageType(bytes: Uint8Array): 'image/png' | 'image/jpeg' | 'image/webp' | undefined {
  const starts = (at: number, signature: readonly number[]) => signature.every((byte, index) => bytes[at + index] === byte)
  if (starts(0, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])) return 'image/png'
  if (starts(0, [0xff, 0xd8, 0xff])) return 'image/jpeg'
  const [riff, webp] = [Buffer.from('RIFF'), Buffer.from('WEBP')]
  if (starts(0, [...riff]) && starts(8, [...webp])) return 'image/webp'
  return undefined
}

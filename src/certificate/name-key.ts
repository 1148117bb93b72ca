/**
 * Equal for names that are the same whatever their case, spacing and string type (RFC 5280 section 7.1). Takes the RFC
 * 4514 text of a distinguished name.
 */
export function nameKey(name: string): string {
  return name.toLowerCase().replace(/\s+/g, ' ');
}

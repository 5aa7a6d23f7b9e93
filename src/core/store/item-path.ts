/** An item and what was asked of it as they stand in a URL: what a purchase is of. */
export function itemPath(id: string, parameters: Readonly<Record<string, string>> = {}): string {
  const path = id.split('/').map(encodeURIComponent).join('/');
  const query = new URLSearchParams(Object.entries(parameters).sort(([a], [b]) => (a < b ? -1 : 1))).toString();
  return query === '' ? path : `${path}?${query}`;
}

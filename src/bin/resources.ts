/** Disposes of what was opened, the last first, whatever happens; and keeps the process alive meanwhile. */
export async function withResources<R>(work: (opened: <T extends AsyncDisposable>(resource: T) => T) => Promise<R>): Promise<R> {
  const resources: AsyncDisposable[] = [];
  const alive = setInterval(() => undefined, 2 ** 30);
  try {
    return await work((resource) => {
      resources.push(resource);
      return resource;
    });
  } finally {
    for (const resource of resources.reverse()) await resource[Symbol.asyncDispose]();
    clearInterval(alive);
  }
}

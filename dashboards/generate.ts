import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { artifacts } from './artifacts.ts';

const folder = path.join(import.meta.dirname, 'generated');

await mkdir(folder, { recursive: true });
for (const [name, content] of artifacts()) {
  await writeFile(path.join(folder, name), content);
  console.log(`dashboards/generated/${name}`);
}

import { lookCommand } from '../../policy/commands.ts';
import { quote } from '../../text/shell.ts';
import { placeName } from '../../policy/wording.ts';
import { step } from '../model.ts';
import { work } from '../shell.ts';
import type { Guide } from './guide.ts';

/** Any other place: what can be said of all of them. */
export const other: Guide = {
  matches: () => true,

  save: ({ home, number }) =>
    home.location.type === 'file' && home.location.location.startsWith('/')
      ? [
          step(`Keep what is at ${placeName(home.location)}`, {
            commands: [`cp -p -- ${quote(home.location.location)} ${work(`old-${number}`)}`],
          }),
        ]
      : [],

  install({ home }) {
    const look = lookCommand(home.location);
    const { place } = home.sighting;
    return [
      step(`Replace it at ${placeName(home.location)}`, {
        text: [
          `${place === '' ? 'It' : `The part ${place}`} is made by some tool or person: let them make it anew, and reload what reads it.`,
        ],
        commands: look === undefined ? [] : [look],
      }),
    ];
  },

  restore: ({ home, number }) =>
    home.location.type === 'file' && home.location.location.startsWith('/')
      ? [
          step(`Bring back what was at ${placeName(home.location)}`, {
            commands: [`put ${quote(home.location.location)} < ${work(`old-${number}`)}`],
          }),
        ]
      : [],
};

/** A structure can break more rules than anyone reads. */
const MAX_PROBLEMS = 16;

/** Collects the rules that an encoding breaks: short sentences of our own words, each once, and at most 16 of them. */
export class Problems {
  private readonly sentences: string[] = [];

  add(sentence: string): void {
    if (this.sentences.length < MAX_PROBLEMS && !this.sentences.includes(sentence)) this.sentences.push(sentence);
  }

  all(): readonly string[] {
    return this.sentences;
  }
}

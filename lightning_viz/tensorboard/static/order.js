// What rows are put in order by: how a probe stands at the moment.

/** @typedef {import('./app.js').App} App */
/** @typedef {import('./prediction.js').Prediction} Prediction */

/**
 * How far up a row belongs; the largest first, what is not known last.
 *
 * Change is that of the probability of the true class since the drawing before, or between what is compared; the whole
 * where another class is predicted and no such probability is logged. The loss is the cross entropy, at least: where the
 * probability of the true class is not logged, it is what the predicted one leaves.
 *
 * @param {App} app
 * @param {Prediction} prediction
 * @returns {number}
 */
export function weight(app, prediction) {
  const moments = app.moments();
  const now = moments.at(-1);
  if (!now) return 0;
  if (app.state.sort === 'flips') return prediction.flips().length;
  if (app.state.sort === 'change') return change(app, prediction, moments.length > 1 ? moments[0] : { ...now, at: app.axis.beyond(now.at, -1) }, now);
  const { probability, right } = prediction.at(now);
  if (app.state.sort === 'unsure') return probability === null ? -1 : 1 - probability;
  const share = ofTruth(app, prediction, now) ?? (probability === null || right === null ? null : right ? probability : 1 - probability);
  return share === null ? -1 : -Math.log(Math.max(share, 1e-9));
}

/** @param {App} app @param {Prediction} prediction @param {import('./app.js').Moment} before @param {import('./app.js').Moment} now */
function change(app, prediction, before, now) {
  const [was, is] = [before, now].map((moment) => ofTruth(app, prediction, moment));
  if (was !== null && is !== null) return Math.abs(is - was);
  const [old, found] = [before, now].map((moment) => prediction.at(moment));
  return old.name === found.name ? Math.abs((found.probability ?? 0) - (old.probability ?? 0)) : 1;
}

/** The probability of the true class, where it is logged. @param {App} app @param {Prediction} prediction @param {import('./app.js').Moment} moment @returns {number | null} */
function ofTruth(app, { probe }, moment) {
  const tag = `probability/${probe}/${moment.run.label(probe)}`;
  const value = moment.run.answer.scalars.includes(tag) ? app.point('scalars', tag, moment)?.[1] : null;
  return typeof value === 'number' ? value : null;
}

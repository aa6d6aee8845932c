// The tasks of the page's main thread, with the processor time that each took.
//
// The browser's own long-task observer knows wall time alone: on a busy machine any task can be held up beyond 50 ms.
// What the page itself does too long shows in its processor time as well.

/**
 * What `deed` gives; the main thread's tasks meanwhile, `{ ms, processor_ms }`, longest first; and the seconds of
 * processor time that the page's worker used.
 */
export async function tasks_during(page, deed) {
  const browser = page.context().browser();
  await browser.startTracing(page, { categories: ["-*", "disabled-by-default-devtools.timeline", "__metadata"] });
  let result;
  let trace;
  try {
    result = await deed();
  } finally {
    trace = JSON.parse((await browser.stopTracing()).toString()).traceEvents;
  }
  const tasks_of = (thread) => {
    const threads = trace.filter(({ name, args }) => name === "thread_name" && args.name === thread);
    const known = new Set(threads.map(({ pid, tid }) => `${pid} ${tid}`));
    return trace
      // A task that tracing began or ended within has no duration.
      .filter(({ name, pid, tid, tdur }) => name === "RunTask" && known.has(`${pid} ${tid}`) && tdur !== undefined)
      .map(({ dur, tdur }) => ({ ms: dur / 1000, processor_ms: tdur / 1000 }))
      .toSorted((a, b) => b.processor_ms - a.processor_ms);
  };
  const tasks = tasks_of("CrRendererMain");
  if (tasks.length === 0) throw new Error("the browser traced no task of the main thread");
  const worker_s = tasks_of("DedicatedWorker thread").reduce((sum, { processor_ms }) => sum + processor_ms / 1000, 0);
  return { result, tasks, worker_s };
}

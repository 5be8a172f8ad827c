// Tiles of the workbench in JupyterLab's launcher: reports, a new analysis, worked examples.
// JupyterLab loads it as a federated extension; nothing of it is built.
(() => {
  const NAME = "epidemic-workbench";
  const TILES = [];  // { category, label, caption, path, copyTo }, filled in as the laboratory opens
  let shared;

  async function held(module) {
    const versions = Object.values(shared[module]);
    return (await versions[0].get())();
  }

  async function plugin() {
    const { ILauncher } = await held("@jupyterlab/launcher");
    const { notebookIcon, addIcon } = await held("@jupyterlab/ui-components");
    return {
      id: `${NAME}:tiles`,
      autoStart: true,
      requires: [ILauncher],
      activate: (app, launcher) => {
        app.commands.addCommand(`${NAME}:open`, {
          label: args => args.label,
          caption: args => args.caption,
          icon: args => (args.copyTo ? addIcon : notebookIcon),
          execute: async args => {
            const path = args.copyTo
              ? (await app.serviceManager.contents.copy(args.path, args.copyTo)).path
              : args.path;
            return app.commands.execute("docmanager:open", { path });
          },
        });
        TILES.forEach((args, rank) =>
          launcher.add({ command: `${NAME}:open`, category: args.category, args, rank }));
      },
    };
  }

  (window._JUPYTERLAB = window._JUPYTERLAB || {})[NAME] = {
    init: scope => { shared = scope; },
    get: async () => {
      const made = { __esModule: true, default: await plugin() };
      return () => made;
    },
  };
})();

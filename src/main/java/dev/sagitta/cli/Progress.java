package dev.sagitta.cli;

/** Where the demo says how far it is. */
public interface Progress {
    /** Nothing is shown. */
    Progress SILENT = (name, steps) -> new Bar() {
        @Override
        public void step() {}

        @Override
        public void close() {}
    };

    Bar start(String name, long steps);

    /** One stage. */
    interface Bar extends AutoCloseable {
        void step();

        @Override
        void close();
    }
}

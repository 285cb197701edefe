package dev.sagitta.cli;

import java.io.IOException;
import java.io.InputStream;
import java.util.Properties;
import picocli.CommandLine.IVersionProvider;

/** What {@code --version} prints: Sagitta, the bindings it was built with, the Java that runs it. */
final class Version implements IVersionProvider {
    private static final String FILE = "version.properties";

    @Override
    public String[] getVersion() throws IOException {
        Properties versions = new Properties();
        try (InputStream file = Version.class.getResourceAsStream(FILE)) {
            if (file == null) {
                throw new IOException(FILE + " is missing beside " + Version.class.getName()
                        + ": it comes from src/main/filtered, by Maven");
            }
            versions.load(file);
        }
        return new String[] {
            "sagitta " + versions.getProperty("sagitta"),
            "JCuda " + versions.getProperty("jcuda") + ", JOCL " + versions.getProperty("jocl") + ", Java "
                    + Runtime.version() + " (" + System.getProperty("java.vendor") + ")"
        };
    }
}

package dev.sagitta.device;

/**
 * A vendor's library that a back end uses where it is installed.
 *
 * @param name {@code cuBLAS}
 * @param version as the library states it, or null where it is not used
 * @param place the folder, and why it was looked at, or null where it is not used
 * @param problem why it is not used, or null
 */
public record DeviceLibrary(String name, String version, String place, String problem) {
    public static DeviceLibrary found(String name, String version, String place) {
        return new DeviceLibrary(name, version, place, null);
    }

    public static DeviceLibrary missing(String name, String problem) {
        return new DeviceLibrary(name, null, null, problem);
    }

    @Override
    public String toString() {
        return problem == null ? name + " " + version + ", " + place : "no " + name + ": " + problem;
    }
}

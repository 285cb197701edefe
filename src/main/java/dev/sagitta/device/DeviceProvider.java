package dev.sagitta.device;

import java.util.List;

/** A back end, found by ServiceLoader. */
public interface DeviceProvider {
    /** {@code cuda} or {@code opencl}: the first part of a device id. */
    String prefix();

    /** What there is, without opening anything. Never throws: a missing driver is a {@link Discovery#problem}. */
    Discovery discover();

    /** Opens the device at {@code index} of {@link Discovery#devices}. */
    Device open(int index);

    /** The vendor's libraries that kernels may be replaced by or made with, found or not; loads them. */
    default List<DeviceLibrary> libraries() {
        return List.of();
    }

    /**
     * @param devices found, in the driver's order
     * @param problem why there are none, or null
     * @param remedy what to do about it, or null
     */
    record Discovery(List<DeviceInfo> devices, String problem, String remedy) {
        public static Discovery found(List<DeviceInfo> devices) {
            return new Discovery(List.copyOf(devices), null, null);
        }

        public static Discovery none(String problem, String remedy) {
            return new Discovery(List.of(), problem, remedy);
        }

        /**
         * A back end whose binding does not load: for want of a driver, or by the folder that it is unpacked to, where no driver helps.
         *
         * @param backEnd as users call it
         * @param remedy for want of a driver
         */
        public static Discovery unusable(String backEnd, String problem, String remedy) {
            String own = "; " + NativeBindings.REMEDY;
            boolean folder = problem.endsWith(own);
            String cause = folder ? problem.substring(0, problem.length() - own.length()) : problem;
            return none(backEnd + " cannot be used (" + cause + ")", folder ? NativeBindings.REMEDY : remedy);
        }

        /** The problem as an error of the device that was asked for. */
        public DeviceException error(String device) {
            return new DeviceException("device '" + device + "': " + problem + "; " + remedy);
        }
    }
}

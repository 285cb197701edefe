package dev.sagitta.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * A range of values with round ticks.
 *
 * @param from lowest value shown
 * @param to highest value shown
 * @param log decades are equally long; both ends are positive
 */
record Axis(double from, double to, boolean log) {
    private static final int WANTED_TICKS = 6;

    /** An axis that shows these values. NaN, infinities and, on a log axis, what is not positive are left out. */
    static Axis over(Iterable<Double> values, boolean log, boolean includeZero) {
        double least = Double.POSITIVE_INFINITY;
        double most = Double.NEGATIVE_INFINITY;
        for (double value : values) {
            if (shows(value, log)) {
                least = Math.min(least, value);
                most = Math.max(most, value);
            }
        }
        if (least > most) {
            return log ? new Axis(0.1, 1, true) : new Axis(0, 1, false);
        }
        if (log) {
            // half a tick of room on both sides; a single value gets a decade round it
            double room = Math.max(Math.pow(most / least, 0.04), least == most ? Math.sqrt(10) : 1.02);
            return new Axis(Math.max(least / room, Double.MIN_NORMAL), Math.min(most * room, Double.MAX_VALUE), true);
        }
        if (includeZero) {
            least = Math.min(least, 0);
            most = Math.max(most, 0);
        }
        if (least == most) {
            double room = least == 0 ? 1 : Math.abs(least) / 2;
            return new Axis(least - room, most + room, false);
        }
        double step = step(least, most);
        return new Axis(Math.floor(least / step + 1e-9) * step, Math.ceil(most / step - 1e-9) * step, false);
    }

    static boolean shows(double value, boolean log) {
        return Double.isFinite(value) && (!log || value > 0);
    }

    /** 1, 2 or 5 times a power of ten. */
    private static double step(double from, double to) {
        double raw = (to - from) / WANTED_TICKS;
        double power = Math.pow(10, Math.floor(Math.log10(raw)));
        double digit = raw / power;
        return power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10);
    }

    /** Where a value lies, 0 to 1; values beyond the ends stop there. */
    double place(double value) {
        double share =
                log ? value <= 0 ? 0 : Math.log(value / from) / Math.log(to / from) : (value - from) / (to - from);
        return Math.max(0, Math.min(1, share));
    }

    List<Double> ticks() {
        List<Double> ticks = new ArrayList<>();
        if (!log) {
            double step = step(from, to);
            for (long i = (long) Math.ceil(from / step - 1e-9); i * step <= to + 1e-9 * step; i++) {
                ticks.add(i * step);
            }
            return ticks;
        }
        double decades = Math.log10(to / from);
        int[] digits = decades > 3 ? new int[] {1} : decades > 1 ? new int[] {1, 2, 5} : new int[] {1, 2, 3, 4, 5, 7};
        int stride = (int) Math.max(1, Math.ceil(decades / (WANTED_TICKS + 2)));
        for (int power = (int) Math.floor(Math.log10(from)); power <= Math.log10(to); power++) {
            for (int digit : digits) {
                double tick = digit * Math.pow(10, power);
                if (tick >= from && tick <= to && (digits.length > 1 || Math.floorMod(power, stride) == 0)) {
                    ticks.add(tick);
                }
            }
        }
        return ticks;
    }

    /** As few digits as tell the ticks apart. */
    static String label(double value) {
        double magnitude = Math.abs(value);
        if (magnitude < 1e-300) {
            return "0";
        }
        if (!Double.isFinite(value)) {
            return Double.isNaN(value) ? "unknown" : value > 0 ? "\u221e" : "-\u221e";
        }
        if (magnitude >= 1e5 || magnitude < 1e-3) {
            String text = String.format(Locale.ROOT, "%.2e", value);
            int e = text.indexOf('e');
            return trim(text.substring(0, e)) + "e" + Integer.parseInt(text.substring(e + 1));
        }
        return trim(String.format(Locale.ROOT, "%." + (magnitude >= 100 ? 1 : magnitude >= 1 ? 3 : 6) + "f", value));
    }

    private static String trim(String number) {
        if (number.indexOf('.') < 0) {
            return number;
        }
        int end = number.length();
        while (number.charAt(end - 1) == '0') {
            end--;
        }
        return number.substring(0, number.charAt(end - 1) == '.' ? end - 1 : end);
    }
}

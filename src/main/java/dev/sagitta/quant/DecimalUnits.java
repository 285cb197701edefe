package dev.sagitta.quant;

import java.math.BigDecimal;
import java.math.RoundingMode;

/**
 * Decimals as whole multiples of a power of ten, {@code 10^-scale}: the coarsest that loses no digit, or if that is too fine the finest
 * in which {@code largest} stays below 2^62.
 *
 * @param exact no digit is lost
 */
record DecimalUnits(int scale, boolean exact) {
    static final long LARGEST = 1L << 62;
    private static final BigDecimal LIMIT = BigDecimal.valueOf(LARGEST);

    static DecimalUnits of(BigDecimal largest, Iterable<BigDecimal> numbers) {
        int needed = Integer.MIN_VALUE;
        for (BigDecimal number : numbers) {
            if (number.signum() != 0) {
                needed = Math.max(needed, number.stripTrailingZeros().scale());
            }
        }
        if (needed == Integer.MIN_VALUE) {
            return new DecimalUnits(0, true);
        }
        int finest = needed;
        if (largest.signum() > 0) {
            finest = 19 - (largest.precision() - largest.scale());
            if (largest.scaleByPowerOfTen(finest).compareTo(LIMIT) >= 0) {
                finest--;
            }
        }
        return new DecimalUnits(Math.min(needed, finest), needed <= finest);
    }

    long units(BigDecimal number, RoundingMode rounding) {
        return number.setScale(scale, rounding).unscaledValue().longValueExact();
    }

    BigDecimal decimal(long units) {
        return BigDecimal.valueOf(units, scale);
    }
}

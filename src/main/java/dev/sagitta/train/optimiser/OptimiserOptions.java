package dev.sagitta.train.optimiser;

import dev.sagitta.graph.Field;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * An optimiser and its settings. Weight decay concerns weight matrices only.
 *
 * @param rate learning rate
 * @param weightDecay see the type for whether the rate multiplies it
 * @param maxNorm the gradient is scaled down to this norm; infinity for no clipping
 * @param own the type's own settings by name; those left out have their defaults
 */
public record OptimiserOptions(
        OptimiserType type, double rate, double weightDecay, double maxNorm, Map<String, Double> own) {

    /** @throws IllegalArgumentException on a number that no training could use, or a setting that the type does not have */
    public OptimiserOptions(
            OptimiserType type, double rate, double weightDecay, double maxNorm, Map<String, Double> own) {
        Map<String, Double> all = new LinkedHashMap<>();
        for (Field<Double> field : type.fields()) {
            all.put(field.name(), own.getOrDefault(field.name(), field.absent()));
        }
        for (String name : own.keySet()) {
            if (!all.containsKey(name)) {
                throw new IllegalArgumentException(
                        type.name() + " has no setting '" + name + "'; its settings: " + List.copyOf(all.keySet()));
            }
        }
        this.type = type;
        this.rate = rate;
        this.weightDecay = weightDecay;
        this.maxNorm = maxNorm;
        this.own = Collections.unmodifiableMap(all);
        // the ranges stand once, beside the kernel's settings
        type.settings(this, 1);
    }

    /** With the type's defaults, and no clipping. */
    public static OptimiserOptions of(OptimiserType type) {
        return new OptimiserOptions(type, type.rate(), type.weightDecay(), Double.POSITIVE_INFINITY, Map.of());
    }

    /** PyTorch's defaults: betas 0.9 and 0.999, epsilon 1e-8, weight decay 0.01. */
    public static OptimiserOptions adamW(double rate) {
        return of(AdamW.TYPE).rate(rate);
    }

    public static OptimiserOptions sgd(double rate, double momentum) {
        return of(Sgd.TYPE).rate(rate).with(Sgd.MOMENTUM.name(), momentum);
    }

    public OptimiserOptions rate(double value) {
        return new OptimiserOptions(type, value, weightDecay, maxNorm, own);
    }

    public OptimiserOptions weightDecay(double value) {
        return new OptimiserOptions(type, rate, value, maxNorm, own);
    }

    /** @param value infinity for no clipping */
    public OptimiserOptions clip(double value) {
        return new OptimiserOptions(type, rate, weightDecay, value, own);
    }

    /**
     * @param setting of the type's own, by name
     * @throws IllegalArgumentException if it has none of this name, or the value is of no use
     */
    public OptimiserOptions with(String setting, double value) {
        Map<String, Double> changed = new LinkedHashMap<>(own);
        changed.put(setting, value);
        return new OptimiserOptions(type, rate, weightDecay, maxNorm, changed);
    }

    /** A setting of the type's own. */
    public double get(Field<Double> field) {
        return own.get(field.name());
    }

    public boolean clips() {
        return maxNorm != Double.POSITIVE_INFINITY;
    }

    /** Names of its states in a checkpoint. */
    public List<String> states() {
        return type.states(this);
    }

    /** What the kernel reads. @param step from 1 */
    public float[] settings(long step) {
        return type.settings(this, step);
    }

    /** Changes {@link #settings} to those of another step, in place. */
    public void settings(long step, float[] settings) {
        type.settings(this, step, settings);
    }
}

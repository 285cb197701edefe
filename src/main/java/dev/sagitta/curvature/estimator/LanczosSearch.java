package dev.sagitta.curvature.estimator;

import dev.sagitta.curvature.CurvatureOperator;
import dev.sagitta.curvature.Probes;
import dev.sagitta.kernel.random.Random;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** The runs of one {@link Lanczos#largest}: each in the space orthogonal to the eigenvectors that those before it have found. */
final class LanczosSearch implements AutoCloseable {
    /** Of the largest magnitude: what is left below that is rounding of the products. */
    private static final double ROUNDING = 1e-5;

    private static final double CHANCE_OF_MISSING = 1e-3;
    /** Beyond so many steps, the small problem is solved only now and then. */
    private static final int ALWAYS_SOLVED = 64;

    private final CurvatureOperator operator;
    private final Lanczos settings;
    private final long dimension;
    private final int wanted;
    private final int most;
    private final KrylovBasis basis;
    private final Probes probes;
    private final List<Pair> found = new ArrayList<>();
    /** Of a run that the budget ended. */
    private List<Pair> unfinished = List.of();

    private double magnitude;
    private double missedBelow = Double.POSITIVE_INFINITY;
    private int products;

    /** @param settled whether the value counts as found: its bound met the tolerance, or its space was exhausted */
    private record Pair(double value, double bound, boolean settled) {}

    /** How a run ended. */
    private enum End {
        NEXT,
        ALL_FOUND,
        OUT_OF_BUDGET
    }

    LanczosSearch(CurvatureOperator operator, Lanczos settings, int k, long seed) {
        this.operator = operator;
        this.settings = settings;
        this.dimension = operator.layout().parameters().stream()
                .mapToLong(parameter -> parameter.elements())
                .sum();
        this.wanted = (int) Math.min(k, dimension);
        this.most = (int) Math.min(settings.steps(), dimension);
        // eigenvectors are made beside the vectors of the run
        this.basis = new KrylovBasis(operator, Math.addExact(most, Math.min(wanted, most)));
        try {
            this.probes = new Probes(operator, Random.Kind.NORMAL, Probes.Purpose.LANCZOS, seed);
        } catch (RuntimeException | Error e) {
            basis.close();
            throw e;
        }
    }

    Lanczos.Result run() {
        Tridiagonal first = new Tridiagonal();
        End end = run(0, first);
        for (int number = 1; end == End.NEXT && !spent(); number++) {
            end = run(number, new Tridiagonal());
        }
        return result(first);
    }

    private boolean spent() {
        return basis.size() >= most || products >= settings.mostProducts();
    }

    /** One run, from a new random vector; on {@link End#NEXT} what it found is in {@link #found} and in the basis. */
    private End run(int number, Tridiagonal t) {
        int locked = basis.size();
        probes.draw(number);
        double length = basis.start();
        while (true) {
            basis.push();
            operator.multiply();
            products++;
            double alpha = basis.alpha();
            if (!Double.isFinite(alpha)) {
                throw new ArithmeticException("lanczos: product " + products
                        + " is not finite; check weights and inputs for NaN or infinity");
            }
            double beta = basis.remainder();
            t.add(alpha, beta);
            magnitude = Math.max(magnitude, Math.max(Math.abs(alpha), beta));
            boolean whole = basis.size() == dimension;
            boolean exhausted = whole || beta <= ROUNDING * magnitude;
            if (exhausted || spent() || solvedAt(t.size())) {
                t.solve();
                End end = judge(t, locked, length, whole, exhausted);
                if (end != null) {
                    return end;
                }
            }
            basis.normalise(beta);
        }
    }

    private static boolean solvedAt(int size) {
        return size <= ALWAYS_SOLVED || size % (size / (ALWAYS_SOLVED / 4)) == 0;
    }

    /** Null to go on. */
    private End judge(Tridiagonal t, int locked, double length, boolean whole, boolean exhausted) {
        magnitude = Math.max(magnitude, t.magnitude());
        // a missed eigenvector's component in the start vector is a standard normal number over its length, and P(|x| <
        // a) < a sqrt(2 / pi)
        double bound = t.seenAbove(CHANCE_OF_MISSING / (Math.sqrt(2 / Math.PI) * length));
        missedBelow = Math.min(missedBelow, bound);
        if (whole) {
            missedBelow = Double.NEGATIVE_INFINITY;
            found.addAll(pairs(t, true));
            return End.ALL_FOUND;
        }
        boolean enough = found.size() >= wanted;
        if (enough && t.largest() <= floor() + margin()) {
            // nothing new: the run goes on until it has proved it
            return missedBelow <= floor() + margin() ? End.ALL_FOUND : spent() ? End.OUT_OF_BUDGET : null;
        }
        if (exhausted) {
            found.addAll(pairs(t, true));
            return End.NEXT;
        }
        List<Pair> pairs = merged(pairs(t, false));
        if (pairs.size() == wanted && pairs.stream().allMatch(Pair::settled)) {
            lock(t, locked, pairs.get(wanted - 1).value());
            return End.NEXT;
        }
        if (spent()) {
            unfinished = pairs(t, false);
            return End.OUT_OF_BUDGET;
        }
        return null;
    }

    /** The k-th value so far. */
    private double floor() {
        return merged(List.of()).get(wanted - 1).value();
    }

    private double margin() {
        return Math.max(settings.tolerance(), ROUNDING) * magnitude;
    }

    /** The largest of what was found before and of these. */
    private List<Pair> merged(List<Pair> pairs) {
        return Stream.concat(found.stream(), pairs.stream())
                .sorted(Comparator.comparingDouble(Pair::value).reversed())
                .limit(wanted)
                .toList();
    }

    /** Of a solved run, ascending. What was found before is not exact, which adds to the residual. */
    private List<Pair> pairs(Tridiagonal t, boolean exhausted) {
        double before = Math.sqrt(
                found.stream().mapToDouble(pair -> pair.bound() * pair.bound()).sum());
        List<Pair> pairs = new ArrayList<>();
        for (int i = 0; i < t.size(); i++) {
            double bound = Math.hypot(t.bound(i), before);
            pairs.add(new Pair(t.value(i), bound, exhausted || bound <= settings.tolerance() * magnitude));
        }
        return pairs;
    }

    /** Keeps the run's eigenvectors of values from {@code least} on in place of its basis. */
    private void lock(Tridiagonal t, int locked, double least) {
        List<double[]> vectors = new ArrayList<>();
        List<Pair> pairs = pairs(t, false);
        for (int i = t.size() - 1; i >= 0 && t.value(i) >= least && vectors.size() < wanted; i--) {
            vectors.add(t.vector(i));
            found.add(pairs.get(i));
        }
        basis.replace(locked, vectors);
    }

    private Lanczos.Result result(Tridiagonal first) {
        List<Pair> pairs = merged(unfinished);
        int certain = 0;
        while (certain < pairs.size()
                && pairs.get(certain).settled()
                && pairs.get(certain).value() + margin() >= missedBelow) {
            certain++;
        }
        return new Lanczos.Result(
                pairs.stream().mapToDouble(Pair::value).toArray(),
                pairs.stream().mapToDouble(Pair::bound).toArray(),
                first.size(),
                pairs.size() == wanted && pairs.stream().allMatch(Pair::settled),
                first.nodes(),
                first.weights(),
                products,
                certain,
                missedBelow);
    }

    @Override
    public void close() {
        probes.close();
        basis.close();
    }
}

package dev.sagitta.graph.rewrite;

import dev.sagitta.device.DeviceKind;

/**
 * What a graph is about to be compiled for.
 *
 * @param keeps whether a later pass reads values of the forward one, or tangents run beside it
 * @param batchStatistics whether batch norm uses those of the batch
 */
public record Target(DeviceKind device, boolean keeps, boolean batchStatistics) {}

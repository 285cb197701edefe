/** What an op sees in each of its five modes, a view per mode, and what it emits tasks through. */
package dev.sagitta.graph.pass;

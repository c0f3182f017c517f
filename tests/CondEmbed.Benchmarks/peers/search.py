"""Exact search of the 10 nearest by inner product among a million, by faiss."""

import os

# Set where an old OpenBLAS miscounts the processor's kinds; they choose slow kernels.
for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(name, None)

import contest

numpy, faiss = contest.require("numpy", "faiss")


def set_up(quick, threads, arguments):
    faiss.omp_set_num_threads(threads)
    count, number = 100_000 if quick else 1_000_000, int(arguments[0])
    random = numpy.random.default_rng(7)
    index = faiss.IndexFlatIP(512)
    centres = random.standard_normal((count // 20, 512), dtype=numpy.float32)
    for first in range(0, count, 50_000):
        rows = centres[numpy.arange(first, first + 50_000) % len(centres)]
        rows += 1.5 * random.standard_normal(rows.shape, dtype=numpy.float32)
        faiss.normalize_L2(rows)
        index.add(rows)
    queries = centres[:number] + 1.5 * random.standard_normal((number, 512), dtype=numpy.float32)
    faiss.normalize_L2(queries)
    return lambda: {"seconds": contest.seconds(lambda: index.search(queries, 10))}


contest.serve(set_up)

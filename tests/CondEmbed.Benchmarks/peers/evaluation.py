"""Exact search of the 1,000 nearest by inner product, and k-means, by faiss, at the shape of the test set of Stanford Online Products."""

import os

# Set where an old OpenBLAS miscounts the processor's kinds; they choose slow kernels.
for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(name, None)

import contest

numpy, faiss = contest.require("numpy", "faiss")


def rows(count, dimension, classes, spread):
    random = numpy.random.default_rng(1)
    centres = random.standard_normal((classes, dimension), dtype=numpy.float32)
    values = centres[numpy.arange(count) % classes]
    values += spread * random.standard_normal((count, dimension), dtype=numpy.float32)
    faiss.normalize_L2(values)
    return values


def set_up(quick, threads, arguments):
    faiss.omp_set_num_threads(threads)
    count, classes = (12000, 2244) if quick else (60502, 11316)
    values = rows(count, 512, classes, 2.0)
    labels = numpy.arange(count) % classes

    def search():
        index = faiss.IndexFlatIP(512)
        index.add(values)
        _, found = index.search(values, 1001)
        hits = (labels[found] == labels[:, None]) & (found != numpy.arange(count)[:, None])
        first = numpy.where(hits.any(1), hits.argmax(1), 1001)
        return [(first < k).mean() for k in (1, 10, 100, 1000)]

    def kmeans():
        clustering = faiss.Kmeans(512, classes, niter=20, max_points_per_centroid=count, min_points_per_centroid=1, seed=1)
        clustering.train(values)
        return clustering.index.search(values, 1)

    work = kmeans if "kmeans" in arguments else search
    return lambda: {"seconds": contest.seconds(work)}


contest.serve(set_up)

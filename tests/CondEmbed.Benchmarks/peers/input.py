"""JPEG files to normalised tensors with Pillow and numpy, as a data set of torchvision does it, in so many processes on a core each."""

import glob
import math
import multiprocessing
import os
import random

import contest

np, torch, Image = contest.require("numpy", "torch", "PIL.Image")

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)


def box_of(width, height, generator):
    """RandomResizedCrop.get_params."""
    for _ in range(10):
        area = width * height * generator.uniform(0.08, 1.0)
        ratio = math.exp(generator.uniform(math.log(3 / 4), math.log(4 / 3)))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            top = generator.randint(0, height - h)
            return generator.randint(0, width - w), top, w, h
    return 0, 0, width, height


def one(path, generator, draft):
    image = Image.open(path)
    left, top, w, h = box_of(*image.size, generator)
    if draft:
        before = image.size
        image.draft("RGB", (math.ceil(before[0] * 224 / w), math.ceil(before[1] * 224 / h)))
        across, down = image.size[0] / before[0], image.size[1] / before[1]
        left, w, top, h = left * across, w * across, top * down, h * down
    image = image.convert("RGB").resize((224, 224), Image.BILINEAR, box=(left, top, left + w, top + h))
    if generator.random() < 0.5:
        image = image.transpose(Image.FLIP_LEFT_RIGHT)
    pixels = (np.asarray(image, dtype=np.float32) / 255 - MEAN) / DEVIATION
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))


def work(core, paths, draft, tasks, done):
    os.sched_setaffinity(0, {core})
    torch.set_num_threads(1)
    generator = random.Random(core)
    for count in iter(tasks.get, None):
        for at in range(count):
            one(paths[at % len(paths)], generator, draft)
        done.put(count)


def set_up(quick, threads, arguments):
    paths = sorted(glob.glob(os.path.join(arguments[0], "*.jpg")))
    cores, draft, count = int(arguments[1]), "draft" in arguments, 256 if quick else 1024
    tasks, done = multiprocessing.Queue(), multiprocessing.Queue()
    for core in range(cores):
        multiprocessing.Process(target=work, args=(core, paths, draft, tasks, done), daemon=True).start()

    def epoch():
        for _ in range(cores):
            tasks.put(count // cores)
        for _ in range(cores):
            done.get()

    return lambda: {"seconds": contest.seconds(epoch) / count}


contest.serve(set_up)

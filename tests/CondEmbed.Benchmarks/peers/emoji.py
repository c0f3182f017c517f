"""Seconds from the start to a Recall@1 on unseen classes of emoji: the default run without levels in PyTorch, with a loader in processes of its own."""

import csv
import math
import os
import random
import sys
import time

import contest

np, torch, Image, ImageEnhance = contest.require("numpy", "torch", "PIL.Image", "PIL.ImageEnhance")
import small

WHITE = (255, 255, 255)
MARGIN = 32


def rows(path, part):
    """(path, label) of a part of the table."""
    if not os.path.exists(path):
        print(f"{path}: not there; the other contestants make it", file=sys.stderr)
        sys.exit(3)
    with open(path, newline="") as file:
        return [(os.path.join(os.path.dirname(path), row["path"]), row["label"]) for row in csv.DictReader(file) if row["split"] == part]


def moved(image):
    """A square of .8 to 1.2 of the image, shifted by up to a tenth and turned by up to 10 degrees. The image has a white margin."""
    size = small.SIDE
    side = min(image.size) - 2 * MARGIN
    half = side * random.uniform(0.8, 1.2) / 2
    x = image.size[0] / 2 + side * random.uniform(-0.1, 0.1)
    y = image.size[1] / 2 + side * random.uniform(-0.1, 0.1)
    angle = random.uniform(-10, 10)
    turn = math.radians(abs(angle))
    larger = 2 * math.ceil((size * (math.cos(turn) + math.sin(turn)) + 2) / 2)
    wide = half * larger / size
    around = image.resize((larger, larger), Image.BILINEAR, box=(x - wide, y - wide, x + wide, y + wide))
    edge = (larger - size) // 2
    return around.rotate(angle, Image.BILINEAR).crop((edge, edge, edge + size, edge + size))


def turned(image, by):
    """The hue by a part of the circle, as torchvision does it."""
    hue, saturation, value = image.convert("HSV").split()
    hue = Image.fromarray((np.array(hue).astype(np.int16) + int(by * 255)).astype(np.uint8), "L")
    return Image.merge("HSV", (hue, saturation, value)).convert("RGB")


def jittered(image):
    """torchvision's ColorJitter(0.4, 0.4, 0.6, 0.1)."""
    changes = [
        lambda image: ImageEnhance.Brightness(image).enhance(random.uniform(0.6, 1.4)),
        lambda image: ImageEnhance.Contrast(image).enhance(random.uniform(0.6, 1.4)),
        lambda image: ImageEnhance.Color(image).enhance(random.uniform(0.4, 1.6)),
        lambda image: turned(image, random.uniform(-0.1, 0.1)),
    ]
    random.shuffle(changes)
    for change in changes:
        image = change(image)
    return image


class Views(torch.utils.data.Dataset):
    """Random views of images that are decoded once, before the loader's processes begin."""

    def __init__(self, rows):
        self.images = []
        for path, _ in rows:
            image = Image.open(path).convert("RGB")
            wide = Image.new("RGB", (image.size[0] + 2 * MARGIN, image.size[1] + 2 * MARGIN), WHITE)
            wide.paste(image, (MARGIN, MARGIN))
            self.images.append(wide)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = moved(self.images[index])
        if random.random() < 0.5:
            image = image.transpose(Image.FLIP_LEFT_RIGHT)
        image = jittered(image)
        if random.random() < 0.2:
            image = image.convert("L").convert("RGB")
        return torch.from_numpy(np.array(image))


def batches(rows, steps):
    """Of each step: four images of 16 classes; every class comes once before any comes again."""
    of_class = {}
    for index, (_, label) in enumerate(rows):
        of_class.setdefault(label, []).append(index)
    count, waiting = small.BATCH // small.PER_CLASS, []
    for _ in range(steps):
        if len(waiting) < count:
            waiting = random.sample(sorted(of_class), len(of_class))
        chosen, waiting = waiting[:count], waiting[count:]
        yield [index for label in chosen for index in random.sample(of_class[label], small.PER_CLASS)]


def tested(rows):
    """N H W 3 bytes, each image as the network sees it at test time."""
    sides = (small.SIDE, small.SIDE)
    return torch.from_numpy(np.stack([np.array(Image.open(path).convert("RGB").resize(sides, Image.BILINEAR)) for path, _ in rows]))


def recall_at_1(embeddings, labels):
    """Per cent."""
    nearest = (embeddings @ embeddings.T).fill_diagonal_(-2).argmax(1)
    return 100 * (labels[nearest] == labels).float().mean().item()


def set_up(quick, threads, arguments):
    table, *numbers = [argument for argument in arguments if argument != "channels-last"]
    target, steps, every = (float(number) for number in (numbers[3:] if quick else numbers[:3]))
    steps, every, layout = int(steps), int(every), small.layout_of(arguments)

    def play():
        began = time.perf_counter()
        training, measured = rows(table, "train"), rows(table, "validation")
        names = {label: number for number, label in enumerate(sorted({label for _, label in training + measured}))}
        number = lambda rows: torch.tensor([names[label] for _, label in rows])
        of_training, of_measured, views = number(training), number(measured), tested(measured)
        plan = list(batches(training, steps))
        network = small.Training(layout)
        reached = None
        for step, images in enumerate(torch.utils.data.DataLoader(Views(training), num_workers=threads, batch_sampler=plan), 1):
            network.step(images, of_training[plan[step - 1]], small.rate(step - 1, steps))
            if step % every == 0 or step == steps:
                percent = recall_at_1(network.embed(views), of_measured)
                seconds = time.perf_counter() - began
                print(f"pytorch: step {step}, {seconds:.0f} s: Recall@1 {percent:.2f}", file=sys.stderr, flush=True)
                if reached is None and percent >= target:
                    reached = seconds
        if reached is None:
            raise SystemExit(f"pytorch: Recall@1 {target} was not reached in {steps} steps")
        return {"seconds": reached, "seconds of all steps": time.perf_counter() - began}

    return play


contest.serve(set_up)

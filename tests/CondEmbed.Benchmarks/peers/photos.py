"""Seconds from the start to a MAP@R on photographs: layer4 and head of ResNet-50 trained in PyTorch, with a loader in processes of its own."""

import csv
import json
import math
import os
import random
import sys
import time

import contest

np, torch, Image = contest.require("numpy", "torch", "PIL.Image")
import frozen


def absent(why):
    print(why, file=sys.stderr)
    sys.exit(3)


def weights(path):
    """The tensors, all float32, of a safetensors file: the length of a JSON header, the header, the numbers."""
    if not os.path.exists(path):
        absent("no weights of ResNet-50: 'condembed weights get resnet50' fetches them")
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    header.pop("__metadata__", None)
    of = lambda tensor: np.frombuffer(data[slice(*tensor["data_offsets"])], np.float32).reshape(tensor["shape"])
    return {name: torch.from_numpy(of(tensor).copy()) for name, tensor in header.items()}


def tables(path):
    """(path, label) of training, and of the test classes but the last two, as the other side has them."""
    if not os.path.exists(path):
        absent("CONDEMBED_GROCERY names no table of photographs (path,label,split)")
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    kept = sorted({row["label"] for row in rows if row["split"] == "test"})[-2:]
    root = os.path.dirname(os.path.abspath(path))
    part = lambda name: [(os.path.join(root, row["path"]), row["label"]) for row in rows if row["split"] == name and row["label"] not in kept]
    return part("train"), part("test")


def crop_of(width, height):
    """A random resized crop of .2 to 1 of the area."""
    for _ in range(10):
        area, ratio = width * height * random.uniform(0.2, 1.0), math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            left, top = random.randint(0, width - w), random.randint(0, height - h)
            return left, top, left + w, top + h
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return left, top, left + side, top + side


class Photographs(torch.utils.data.Dataset):
    def __init__(self, rows, size, training):
        self.rows, self.size, self.training = rows, size, training

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        image = Image.open(self.rows[index][0]).convert("RGB")
        if self.training:
            image = image.resize((self.size, self.size), Image.BILINEAR, box=crop_of(*image.size))
            if random.random() < 0.5:
                image = image.transpose(Image.FLIP_LEFT_RIGHT)
        else:
            short = round(self.size * 256 / 224)
            scale = short / min(image.size)
            image = image.resize((round(image.size[0] * scale), round(image.size[1] * scale)), Image.BILINEAR)
            left, top = (image.size[0] - self.size) // 2, (image.size[1] - self.size) // 2
            image = image.crop((left, top, left + self.size, top + self.size))
        return torch.from_numpy(np.array(image))


def batches(rows, batch, steps):
    """Of each step: two images of batch / 2 classes."""
    of_class = {}
    for index, (_, label) in enumerate(rows):
        of_class.setdefault(label, []).append(index)
    for _ in range(steps):
        yield [index for label in random.sample(sorted(of_class), batch // 2) for index in random.sample(of_class[label], 2)]


def map_at_r(embeddings, labels):
    """Per cent."""
    same = labels[:, None] == labels[None, :]
    similarities = (embeddings @ embeddings.T).fill_diagonal_(-2)
    count = same.sum(1) - 1
    found = same.gather(1, similarities.topk(int(count.max()), 1).indices).float()
    places = torch.arange(1, found.shape[1] + 1)
    precision = found.cumsum(1) / places * found * (places[None, :] <= count[:, None])
    return 100 * (precision.sum(1) / count).mean().item()


def set_up(quick, threads, arguments):
    table, file, batch, *numbers = arguments
    target, steps, every, size = (float(number) for number in (numbers[4:] if quick else numbers[:4]))
    batch, steps, every, size = int(batch), int(steps), int(every), int(size)
    (training, tested), values = tables(table), weights(file)

    def play():
        began = time.perf_counter()
        network = frozen.Frozen("layer4", torch.channels_last, on_first=True)
        network.model.load_state_dict(values, strict=False)
        names = {label: number for number, label in enumerate(sorted({label for _, label in training + tested}))}
        number = lambda rows: torch.tensor([names[label] for _, label in rows])
        plan = list(batches(training, batch, steps))
        load = lambda rows, is_training, **how: torch.utils.data.DataLoader(Photographs(rows, size, is_training), num_workers=threads, **how)
        of_training, of_tested = number(training), number(tested)
        loader = load(training, True, batch_sampler=plan)
        for step, images in enumerate(loader, 1):
            warm = min(1.0, step / max(1, round(0.02 * steps)))
            rate = 1e-4 * warm * 0.5 * (1 + math.cos(math.pi * (step - 1) / steps))
            for group in network.optimiser.param_groups:
                group["lr"] = rate
            network.step(images, of_training[plan[step - 1]])
            if step % every == 0 or step == steps:
                found = torch.cat([network.embed(images) for images in load(tested, False, batch_size=32)])
                percent = map_at_r(found, of_tested)
                seconds = time.perf_counter() - began
                print(f"pytorch: step {step}, {seconds:.0f} s: MAP@R {percent:.2f}", file=sys.stderr, flush=True)
                if percent >= target:
                    return {"seconds": seconds}
        raise SystemExit(f"pytorch: MAP@R {target} was not reached in {steps} steps")

    return play


contest.serve(set_up)

"""Goes on training a language model from its last checkpoint."""

from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from data import loader

LAST = Path("checkpoints/last.pt")


def main():
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained("Qwen/Qwen2.5-7B"))
    model.to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)

    if LAST.exists():
        checkpoint = torch.load(str(LAST), map_location=device)  # the weights a second time, on the same GPU
        model.load_state_dict(checkpoint["model"])

    for step, batch in enumerate(loader()):
        loss = model(**batch.to(device)).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if step % 1000 == 0:
            torch.save({"model": model.state_dict(), "step": step}, LAST)


if __name__ == "__main__":
    main()

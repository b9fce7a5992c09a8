return { other = print }
